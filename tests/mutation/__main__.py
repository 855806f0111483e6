"""The command line of the campaigns; see the package's docstring."""

import os
import pathlib
import sys

os.environ["MINIGEN_BACKEND"] = "numpy"  # mutants of kernels are mutants of their NumPy twins
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results"
sys.path.insert(0, str(HERE.parent))


def seeded(every=1):
    from mutation import seeded

    pairs = list(seeded.everything())
    return seeded.summary(seeded.campaign(pairs[:: int(every)]))


def alarms(draws=42):
    from mutation import seeded

    checks, entries, wrong = seeded.alarms(int(draws))
    text = (
        f"{checks} checks of right layers, {entries} entries compared: {len(wrong)} false alarms."
    )
    return "\n\n".join([text, *wrong])


def history():
    from mutation import history

    return history.campaign()


def checker():
    from mutation import checker

    return checker.campaign()


def source(*files):
    from mutation import source

    source.campaign(source.modules(files), RESULTS / "source.json")


def report():
    from mutation import report

    (HERE / "REPORT.md").write_text(report.text(RESULTS), encoding="utf-8")


def main(command, *options):
    text = {f.__name__: f for f in (seeded, alarms, history, checker, source, report)}[command](
        *options
    )
    if text:
        RESULTS.mkdir(exist_ok=True)
        name = "-".join([command, *(pathlib.Path(o).stem for o in options if command == "source")])
        took = f"\n\nTook {sum(os.times()[:4]):.0f} s of processor time.\n"  # and its children's
        (RESULTS / f"{name}.md").write_text(text.rstrip() + took, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__import__("mutation").__doc__)
    main(*sys.argv[1:])
