"""Make the notebooks: execute each tutorial and keep its outputs.

    python tutorials/build.py            every notebook that is stale
    python tutorials/build.py 02 05      these, stale or not

The source of a tutorial is `NN_name.py` (percent format); `NN_name.ipynb` is generated from it and
never edited. A cell that begins `# %% jupyter={"source_hidden": true}` is folded, and
`alt="..."` on that line is the alternative text of its picture; without it, the paragraph below is,
which says how to read it. Needs `pip install ".[tutorials]"`.
"""

import base64
import hashlib
import io
import os
import pathlib
import re
import sys
import textwrap
import time
from typing import Any

import jupytext
import nbclient
import nbformat
from PIL import Image

HERE = pathlib.Path(__file__).parent
LARGEST = 500_000  # bytes of one notebook
SPOKEN = {  # signs of formulas, in an alternative text
    "times": " x ", "cdot": " ", "bar": "", "tilde": "tilde ", "mathcal": "", "hat": "",
    "mathrm": "", "text": "", "partial": "d", "log": "log ", "sqrt": "root of ", "ne": " is not ",
    "tfrac12": "half of ", "approx": " about ", "mid": " given ", "to": " to ", "ge": " >= ",
    "le": " <= ", "pm": "+-", "dots": "...",
}  # fmt: skip
os.environ["TQDM_DISABLE"] = "1"  # no bar in an output, however slow the machine


def sources() -> list[pathlib.Path]:
    """The tutorials, in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def fingerprint(source: pathlib.Path) -> str:
    """What a notebook remembers of its source."""
    return hashlib.sha256(source.read_text(encoding="utf-8").encode()).hexdigest()


def stale(source: pathlib.Path) -> bool:
    """Whether the notebook of `source` is missing or made from another text."""
    path = source.with_suffix(".ipynb")
    if not path.exists():
        return True
    notebook = nbformat.read(path, as_version=4)
    return notebook.metadata.get("minigen_source") != fingerprint(source)


def build(source: pathlib.Path) -> None:
    """Execute one tutorial and write its notebook, without anything that names a machine."""
    notebook = jupytext.read(source)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    for k, cell in enumerate(notebook.cells):
        cell.id = f"cell-{k}"
        alt, cell.metadata = cell.metadata.get("alt"), kept(cell.metadata)
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = {}
            if "image/png" in output.get("data", {}):
                words = alt or described(notebook.cells[k + 1 :])
                output.metadata = {"image/png": {"alt": words}}
                lighten(output.data)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "minigen_source": fingerprint(source),
    }
    text = nbformat.writes(notebook)
    if len(text.encode()) > LARGEST:
        raise SystemExit(f"{source.name}: {len(text.encode())} bytes, expected under {LARGEST}")
    source.with_suffix(".ipynb").write_text(text + "\n", encoding="utf-8")


def kept(metadata: dict[str, Any]) -> dict[str, Any]:
    """What a cell keeps: whether its source is folded, here and in the documentation."""
    if metadata.get("jupyter", {}).get("source_hidden"):
        return {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
    return {}


def lighten(data: dict[str, Any]) -> None:
    """A picture with a palette of 256 colours: a third of the bytes, the same to the eye."""
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    if getattr(image, "n_frames", 1) > 1:  # an animation has its palette already
        return
    image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    data["image/png"] = base64.b64encode(buffer.getvalue()).decode()


def described(below: list[Any]) -> str:
    """The alternative text of a picture that has no `alt`: what the cells below say of it first."""
    text = next(cell.source for cell in below if cell.cell_type == "markdown").split("\n\n")[0]
    text = re.sub(r"\]\([^)]*\)", "", text).replace("[", "")  # links: their words alone
    for sign, word in SPOKEN.items():
        text = re.sub(rf"\\{sign}(?![a-zA-Z])\s*", word, text)
    plain = re.sub(r"[*`$\\{}]", "", text)
    plain = re.sub(r"^How to read (it|them)\. ", "", plain)
    return textwrap.shorten(plain, 300, placeholder=" ...")


def main(wanted: list[str]) -> None:
    """Build the wanted tutorials, or the stale ones."""
    for source in sources():
        if (wanted and source.name[:2] in wanted) or (not wanted and stale(source)):
            start = time.perf_counter()
            build(source)
            print(f"{source.with_suffix('.ipynb').name}  {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
