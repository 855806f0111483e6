"""Hand out homework on the derivations, check it, grade a class.

A student starts an assignment, fills in the module, and checks it as often as they like. An
instructor hands out the variant of a key and grades a folder of submissions in a sandbox.

  minigen homework list
  minigen homework start maf my-homework
  minigen homework milestone coupling.py
"""

import argparse
import pathlib

from minigen.cli import executors, options
from minigen.cli.files import write_picture

KEY = "the instructor's key, or @FILE"


def arguments(command: argparse.ArgumentParser) -> None:
    kinds = command.add_subparsers(
        required=True, metavar="ACTION", parser_class=argparse.ArgumentParser
    )
    kinds.add_parser("list", help="the assignments").set_defaults(act=run_list)

    p = kinds.add_parser("start", help="write a module and a notebook to fill in")
    p.set_defaults(act=run_start)
    p.add_argument("name", help="an assignment, see `minigen homework list`")
    p.add_argument("folder", nargs="?", default=".", help="where to (default: here)")
    p.add_argument("--key", help=f"{KEY}: the variant of a class")
    p.add_argument("--student", help="a name: the key's variant for this student")
    p.add_argument("--students", metavar="FILE",
                   help="names, one a line: a folder for each, with the student's own variant"
                   )  # fmt: skip

    p = kinds.add_parser("check", help="what is right, what is wrong, and why")
    p.set_defaults(act=run_check)
    p.add_argument("file", help="the module, such as coupling.py")

    p = kinds.add_parser("milestone", help="train a model of the chapter with your functions")
    p.set_defaults(act=run_milestone)
    p.add_argument("file", help="the module, such as coupling.py")
    p.add_argument("--out", metavar="FILE", help="the picture (default: the module's name, .png)")
    p.add_argument("--steps", type=int, help="of training (default: less than a minute)")
    options.seed(p)

    p = kinds.add_parser("grade", help="grade a folder of submissions (files, folders, zips)")
    p.set_defaults(act=run_grade)
    p.add_argument("submissions", help="a folder with one entry for each student")
    p.add_argument("--key", required=True, help=KEY)
    p.add_argument("--out", required=True, help="folder of the results; a stopped run goes on")
    p.add_argument("--assignment", help="its name (default: what the files say)")
    p.add_argument("--seed", type=int, help="decides the inputs (default: drawn, and kept)")
    p.add_argument("--isolation", type=int, default=1, choices=(0, 1, 2),
                   help="at least: 0 process, 1 another user, 2 own file tree, no network"
                   )  # fmt: skip
    p.add_argument("--only", metavar="STUDENT", help="grade this student anew, keep the others")
    p.add_argument("--due", metavar="DATE", help="as 2026-11-30 23:59: what is newer is late")
    p.add_argument("--jobs", type=int, help="submissions at a time (default: one for each core)")
    executors.option(p)
    results = "the folder is ONE submission; write Gradescope's results.json"
    p.add_argument("--gradescope", metavar="FILE", help=results)

    p = kinds.add_parser("solution", help="print a model solution, for instructors")
    p.set_defaults(act=run_solution)
    p.add_argument("name", help="an assignment")
    p.add_argument("--key", required=True, help=KEY)
    p.add_argument("--student", help="a name: the key's variant for this student")

    p = kinds.add_parser("exam", help="write a paper exam in two versions, with its answers")
    p.set_defaults(act=run_exam)
    p.add_argument("folder", help="where to")
    p.add_argument("--key", required=True, help=KEY)
    p.add_argument("names", nargs="*", help="assignments to draw from (default: all)")

    p = kinds.add_parser("bundle", help="write an autograder zip for Gradescope")
    p.set_defaults(act=run_bundle)
    p.add_argument("name", help="an assignment")
    p.add_argument("--key", required=True, help=KEY)
    p.add_argument("--out", default="autograder.zip", help="the zip (default: autograder.zip)")


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    return args.act(args) or 0


def run_list(args: argparse.Namespace) -> None:
    from minigen import homework

    for number, name, title, notes, points in homework.listing():
        print(f"{number}  {name:<15} {points:>3} points  {title} ({notes})")


def run_start(args: argparse.Namespace) -> None:
    from minigen import homework

    if args.students:
        lines = pathlib.Path(args.students).read_text(encoding="utf-8-sig").splitlines()
        names = [name for line in lines if (name := line.strip())]
        for name in names:
            folder = pathlib.Path(args.folder, name.replace("/", "_"))
            homework.start(args.name, folder, key=args.key, student=name)
        print(f"wrote {len(names)} folders in {args.folder}, one for each student")
        return
    written = homework.start(args.name, args.folder, key=args.key, student=args.student)
    print(*(f"wrote {path}" for path in written), sep="\n")
    print(f"fill in {written[0].name}, then: minigen homework check {written[0]}")


def run_check(args: argparse.Namespace) -> int:
    from minigen import homework

    report = homework.check(args.file)
    print(report)
    if report:
        print(f"  Train a model with it: minigen homework milestone {args.file}")
    return 0 if report else 1


def run_milestone(args: argparse.Namespace) -> None:
    from minigen import homework

    done = homework.milestone(args.file, seed=args.seed, steps=args.steps)
    path = pathlib.Path(args.out or pathlib.Path(args.file).with_suffix(".png").name)
    write_picture(path, done.figure)
    print(done, f"wrote {path}", sep="\n")


def run_grade(args: argparse.Namespace) -> None:
    from minigen import homework
    from minigen.homework.grading import gradescope, records

    with executors.executor(args.dask) as workers:
        graded = homework.grade(
            args.submissions, args.key, args.out, args.assignment, seed=args.seed,
            isolation=args.isolation, jobs=args.jobs, only=args.only, due=args.due,
            single=bool(args.gradescope), executor=workers,
        )  # fmt: skip
    if args.gradescope:
        records.write(args.gradescope, gradescope.results(graded[0]))
    print(f"{len(graded)} graded: {args.out}/index.html, results.csv, pages/, viva/")


def run_solution(args: argparse.Namespace) -> None:
    from minigen import homework

    print(homework.solution(args.name, args.key, args.student), end="")


def run_exam(args: argparse.Namespace) -> None:
    from minigen import homework

    written = homework.exam(args.key, args.folder, args.names or None)
    print(*(f"wrote {path}" for path in written), sep="\n")


def run_bundle(args: argparse.Namespace) -> None:
    from minigen import homework

    print(f"wrote {homework.bundle(args.name, args.key, args.out)}")
