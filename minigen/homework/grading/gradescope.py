"""Gradescope: results.json, and an autograder bundle with minigen's wheel in it."""

import base64
import hashlib
import importlib.metadata
import io
import json
import pathlib
import zipfile

from minigen.core import validate
from minigen.homework import assignments


def results(record):
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
        {"score": record["earned"], "output": record["note"], "output_format": "text",
         "tests": tests, "extra_data": extra}, indent=1,
    )  # fmt: skip


def bundle(name, key, path, isolation=1):
    """Writes autograder.zip: setup.sh, run_autograder, the key and the wheel."""
    validate.choice("name", name, assignments.NAMES)
    validate.integer("isolation", isolation, 0, 2)
    wheel_name, wheel_bytes = wheel()
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("setup.sh", SETUP.format(wheel=wheel_name))
        archive.writestr("run_autograder", RUN.format(name=name, isolation=isolation))
        archive.writestr("key.txt", key)
        archive.writestr(wheel_name, wheel_bytes)
    return pathlib.Path(path)


def wheel():
    """(file name, bytes) of a wheel of the minigen that is running."""
    root = pathlib.Path(__file__).parents[2]
    version = importlib.metadata.version("minigen")
    info = f"minigen-{version}.dist-info"
    files = {
        f"minigen/{p.relative_to(root).as_posix()}": p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and "__pycache__" not in p.parts
    }
    installed = importlib.metadata.distribution("minigen")
    meta = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    files[f"{info}/METADATA"] = meta.encode()
    files[f"{info}/WHEEL"] = WHEEL.encode()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nminigen = minigen.cli.main:main\n"
    return f"minigen-{version}-py3-none-any.whl", packed(files, f"{info}/RECORD")


def packed(files, record):
    """A wheel's zip with its RECORD of hashes."""
    out, lines = io.BytesIO(), []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}")
            archive.writestr(name, data)
        archive.writestr(record, "\n".join([*lines, f"{record},,", ""]))
    return out.getvalue()


WHEEL = "Wheel-Version: 1.0\nGenerator: minigen\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

SETUP = """#!/usr/bin/env bash
set -e
apt-get update -q && apt-get install -yq python3 python3-pip python3-venv
python3 -m venv /opt/minigen
/opt/minigen/bin/pip install -q "/autograder/source/{wheel}"
# The references of the forward passes are no business of a student's code.
chmod 700 /opt/minigen/lib/python3*/site-packages/minigen
"""

RUN = """#!/usr/bin/env bash
# Student code runs as another user: it must not read the key or write the results.
chmod 700 /autograder
/opt/minigen/bin/minigen homework grade /autograder/submission --assignment {name} \\
    --key @/autograder/source/key.txt --out /autograder/graded.$$ --isolation {isolation} \\
    --gradescope /autograder/results/results.json
rm -rf /autograder/graded.$$
"""
