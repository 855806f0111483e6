"""Gradescope: results.json, and an autograder bundle with minigen's wheel in it."""

import base64
import hashlib
import importlib.metadata
import io
import json
import os
import pathlib
import zipfile

from minigen.core import validate
from minigen.homework import assignments
from minigen.homework.grading.records import Record
from minigen.homework.handout import variants

HERE = pathlib.Path(__file__).parent
WHEEL = "Wheel-Version: 1.0\nGenerator: minigen\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def results(record: Record) -> str:
    """The results.json of one graded submission."""
    tests = [
        {
            "name": m["part"], "score": m["earned"], "max_score": m["points"],
            "status": "passed" if m["earned"] == m["points"] else "failed",
            "output": m["why"], "output_format": "text", "visibility": "visible",
        }
        for m in record["marks"]
    ]  # fmt: skip
    extra = {k: record[k] for k in ("assignment", "variant", "seed", "level", "minigen", "sha256")}
    return json.dumps(
        {"score": record["earned"], "output": "\n".join(record["notes"]), "output_format": "text",
         "tests": tests, "extra_data": extra}, indent=1,
    )  # fmt: skip


def bundle(name: str, key: str, path: str | os.PathLike, isolation: int = 1) -> pathlib.Path:
    """Write an autograder for Gradescope: a zip with two scripts, the key and minigen's wheel.

    Parameters
    ----------
    name : str
        The assignment.
    key : str
        The instructor's key, or @FILE; it decides the variants. It stands in the zip as text.
    path : str or path
        The zip to write. It must not exist.
    isolation : int
        The least level of the wall, 0 to 2, below which the autograder refuses to run.

    Returns
    -------
    pathlib.Path
        The path of the zip.

    Raises
    ------
    FileExistsError
        If there is a file at `path`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> mg.homework.bundle("coupling", "a key of mine", folder / "autograder.zip").name
    'autograder.zip'
    """
    name, key = assignments.get(name).name, variants.secret(key)
    validate.integer("isolation", isolation, 0, 2)
    wheel_name, wheel_bytes = wheel()
    words = {"WHEEL": wheel_name, "NAME": name, "ISOLATION": str(isolation)}
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for script in ("setup.sh", "run_autograder"):
            text = (HERE / script).with_suffix(".sh").read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            archive.writestr(script, text)
        archive.writestr("key.txt", key)
        archive.writestr(wheel_name, wheel_bytes)
    return pathlib.Path(path)


def wheel() -> tuple[str, bytes]:
    """(file name, bytes) of a wheel of the minigen that is running."""
    root = pathlib.Path(__file__).parents[2]
    installed = importlib.metadata.distribution("minigen")
    info = f"minigen-{installed.version}.dist-info"
    files = {
        f"minigen/{p.relative_to(root).as_posix()}": p.read_bytes()
        for p in sorted(root.rglob("*"))
        if not {"__pycache__", "solutions"} & {*p.parts} and p.is_file()
    }
    meta = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    files[f"{info}/METADATA"] = meta.encode()
    files[f"{info}/WHEEL"] = WHEEL.encode()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nminigen = minigen.cli.main:main\n"
    return f"minigen-{installed.version}-py3-none-any.whl", _packed(files, f"{info}/RECORD")


def _packed(files: dict[str, bytes], record: str) -> bytes:
    """A wheel's zip with its RECORD of hashes."""
    out, lines = io.BytesIO(), []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}")
            archive.writestr(name, data)
        archive.writestr(record, "\n".join([*lines, f"{record},,", ""]))
    return out.getvalue()
