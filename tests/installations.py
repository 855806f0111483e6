"""README's two commands on other machines: each Python found, the lowest versions, no numba, ...

    python tests/machines.py --installations [--quick] [--only PATTERN]

Each runs in sources of its own, unpacked from the source distribution, at a path with a space, with
HOME and PATH alone (PATH has no git), and tests what its first command has installed. With --quick
the demo is `--quick`, and of the tests those in QUICK run.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUICK = (  # a quick part of each kind: programs, files, numbers, the public face
    "check_reference data_csv elbo face kernels maf_iaf prob readme splines"
)
KEPT = re.compile(r"(?i)PIP_.*|.*_PROXY|SSL_CERT_.*|REQUESTS_CA_BUNDLE|SYSTEMROOT|TE?MP")
NAMES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "python3.15", "python")
FACTS = "import sys, ensurepip, venv; print(*sys.version_info[:3]); print(sys.prefix)"


@dataclass(frozen=True)
class Installation:
    """A Python, and what is unusual about the machine."""

    name: str
    python: str
    lowest: bool = False
    numba: bool = True
    user: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


def pythons() -> dict[tuple[int, ...], str]:
    """{version: program} of every Python from 3.11 that can make environments."""
    here = os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]
    folders += sorted(str(p) for p in pathlib.Path(here).glob("versions/*/bin"))
    found: dict[tuple[int, ...], str] = {}
    for program in [getattr(sys, "_base_executable", sys.executable)] + [
        str(pathlib.Path(f, n)) for f in folders if f for n in NAMES if pathlib.Path(f, n).is_file()
    ]:
        told = subprocess.run([program, "-I", "-c", FACTS], capture_output=True, encoding="utf-8")
        if told.returncode == 0 and "shims" not in program:
            version, prefix = told.stdout.splitlines()
            if not pathlib.Path(prefix, "pyvenv.cfg").exists():
                found.setdefault(tuple(map(int, version.split())), program)
    return {v: found[v] for v in sorted(found) if v >= (3, 11)}


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
OTHER_CPU = {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}


def installations() -> list[Installation]:
    """Every Python by itself; the first and the last with the lowest versions; without numba."""
    found = {".".join(map(str, v)): p for v, p in pythons().items()}
    first, last = next(iter(found)), next(reversed(found))
    ends = dict.fromkeys([first, last])
    return [
        *(Installation(f"Python {v}", p) for v, p in found.items()),
        *(Installation(f"Python {v}, lowest versions", found[v], lowest=True) for v in ends),
        Installation(f"Python {last}, without numba", found[last], numba=False),
        Installation(f"Python {first}, ordinary user, LC_ALL=C", found[first], False, True,
                     "nobody", C_LOCALE),
    ]  # fmt: skip


def mixed() -> list[Installation]:
    """One for each Python, the unusual things dealt out among them: what `.ci/run` has time for."""
    found = {".".join(map(str, v)): p for v, p in pythons().items()}
    kinds = (
        ("ordinary user, LC_ALL=C", {"user": "nobody", "variables": C_LOCALE}),
        ("lowest versions, random order", {"lowest": True}),
        ("without numba", {"numba": False}),
        ("Nehalem, 2 threads, hash seed 7", {"variables": OTHER_CPU}),
    )
    programs = list(found.items())
    return [
        Installation(f"Python {v}, {words}", p, **options)
        for k, (words, options) in enumerate(kinds)
        for v, p in [programs[k % len(programs)]]
    ]


def lowest() -> str:
    """Constraints for pip: each bound of pyproject.toml as the version itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    return "\n".join(re.sub(r">=([\d.]+)(,<[\d.]+)?", r"==\1", " ".join(b.split())) for b in bounds)


def commands() -> list[str]:
    """README's commands for Linux and macOS: the demo, the tests."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^    (python3 -m venv .*)$", text, flags=re.MULTILINE)


def run(
    it: Installation, sdist: pathlib.Path, folder: pathlib.Path, quick: bool, workers: str = "auto"
) -> str:
    """Run README's commands in the sources of `sdist`; the output, of both or to the failure."""
    place = folder / it.name.replace(",", "").replace("=", " ")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    (sources,) = place.iterdir()
    programs = place / "bin"  # a PATH of its own, without git
    programs.mkdir()
    (programs / "python3").symlink_to(pathlib.Path(it.python).resolve())
    environment = {k: v for k, v in os.environ.items() if KEPT.fullmatch(k)} | it.variables
    environment |= {"HOME": str(place), "PATH": str(programs)}
    if it.lowest:
        file = place / "lowest.txt"
        file.write_text(lowest(), encoding="utf-8")
        environment["PIP_CONSTRAINT"] = file.as_uri()  # pip splits paths at spaces
    how: dict = {}
    if it.user:
        if os.name != "posix" or os.geteuid() != 0:
            return "skipped: run it as root to test as another user"
        for path in [folder, place, *place.rglob("*")]:
            shutil.chown(path, it.user)
        how["user"] = it.user
    demo, tests = commands()
    tests = tests.replace("-n auto", f"-q --tb=short -n {workers}")
    if quick:
        demo += " --quick"
        tests += " " + " ".join(f"tests/test_{name}.py" for name in QUICK.split())
    if "order" in it.name:
        tests += " --shuffle 7"
    if not it.numba:
        gone = ".venv/bin/python -m pip uninstall -q -y numba llvmlite"
        demo = demo.replace("&& .venv/bin/minigen", f"&& {gone} && .venv/bin/minigen")
        tests = tests.replace("&& .venv/bin/pytest", f"&& {gone} && .venv/bin/pytest")
    out = ""
    for command in (demo, tests):
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", command], cwd=sources, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
            **how,
        )  # fmt: skip
        out += f"$ {command}\n{done.stdout}\n"
        if done.returncode:
            return out + f"exit code {done.returncode}"
    shutil.rmtree(place, ignore_errors=True)
    return out


def source_distribution(folder: pathlib.Path) -> pathlib.Path:
    """Build the source distribution of a copy of this checkout, in an environment of its own."""
    left_out = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__")
    copy = shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=left_out)
    words = [sys.executable, "-m", "build", "--sdist", "--outdir", str(folder), str(copy)]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    (sdist,) = folder.glob("*.tar.gz")
    return sdist
