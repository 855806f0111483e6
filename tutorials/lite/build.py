"""Build the browser edition: the tutorials and the homework as pages that need no server.

    python tutorials/lite/build.py                    into `site/lite`, for any host of plain files
    python tutorials/lite/build.py --out FOLDER       into another folder
    python tutorials/lite/build.py --pyodide FOLDER   with a copy of Pyodide: needs no network

The pages are JupyterLite's. Python itself (Pyodide) comes from the address in `jupyter-lite.json`;
minigen, and what it needs beyond Pyodide's own packages, lies in the site. What is written and run
there stays in the browser. Needs `pip install ".[lite]"`.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

import nbformat

from minigen import homework

HERE = pathlib.Path(__file__).resolve().parent
TUTORIALS, ROOT = HERE.parent, HERE.parent.parent
NEEDED = ["comm", "latex2mathml", "tqdm"]  # pure Python, and not among Pyodide's packages
INSTALL = "# In the browser: minigen comes from this site, into this page.\n%pip install -q minigen"
EXTENSION = pathlib.Path("share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension")


def build(out: pathlib.Path, pyodide: pathlib.Path | None = None) -> None:
    """Write the site into the folder `out`; an earlier one there is replaced."""
    if out.exists() and any(out.iterdir()) and not (out / "jupyter-lite.json").is_file():
        sys.exit(f"--out: expected a new folder, or one with an earlier site, got {out}")
    with tempfile.TemporaryDirectory() as name:
        source = pathlib.Path(name)
        shutil.copy2(HERE / "jupyter-lite.json", source)
        contents(source / "files")
        wheels(source / "pypi")
        # This extension alone: what else is installed here may not fit JupyterLite.
        shutil.copytree(pathlib.Path(sys.prefix, EXTENSION), source / "extensions" / EXTENSION.name)
        if pyodide is not None:
            shutil.copytree(pyodide, source / "static" / "pyodide")
        shutil.rmtree(out, ignore_errors=True)
        command = [
            *(sys.executable, "-m", "jupyter", "lite", "build", "--no-sourcemaps"),
            *("--lite-dir", name, "--output-dir", str(out.resolve())),
            *("--apps", "lab", "--apps", "notebooks", "--apps", "tree", "--ignore-sys-prefix"),
            f"--FederatedExtensionAddon.extra_labextensions_path={source / 'extensions'}",
        ]
        done = subprocess.run(
            command, cwd=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )
        if done.returncode:
            sys.exit(f"{done.stdout}\nJupyterLite could not build the site")


def contents(folder: pathlib.Path) -> None:
    """The notebooks of the tutorials and of the homework, and the homework's modules."""
    folder.mkdir()
    for path in sorted(TUTORIALS.glob("[0-9][0-9]_*.ipynb")):
        shutil.copy2(path, folder)
    for entry in homework.listing():
        homework.start(entry.name, folder / "homework")
    for path in folder.rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(INSTALL, id="install"))
        kernel = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
        notebook.metadata["kernelspec"] = kernel
        nbformat.write(notebook, path)


def wheels(folder: pathlib.Path) -> None:
    """minigen's wheel, and those of the packages it needs that Pyodide does not have."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(ROOT), *NEEDED], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the browser edition.")
    parser.add_argument(
        "--out", type=pathlib.Path, default=ROOT / "site/lite", help="default: site/lite"
    )
    parser.add_argument("--pyodide", type=pathlib.Path, metavar="FOLDER",
                        help="a Pyodide distribution, to be copied into the site")  # fmt: skip
    options = parser.parse_args()
    build(options.out, options.pyodide)
    print(f"built {options.out}; look at it: {sys.executable} -m http.server -d {options.out}")


if __name__ == "__main__":
    main()
