"""Whatever is uploaded, every other submission is graded, and each file is told what it is."""

import gzip
import io
import lzma
import os
import stat
import struct
import sys
import time
import unicodedata
import warnings
import zipfile

import pytest
import test_homework_bank as bank
from test_grader import KEY, LEVEL, honest, named
from test_homework_coupling import BANK

from minigen import homework
from minigen.homework.grading import records, submissions
from minigen.homework.grading.submissions import Submission
from minigen.homework.handout import variants
from minigen.homework.wall import Limits

pytestmark = pytest.mark.skipif(os.name != "posix", reason="names of any bytes, links, pipes")


def packed(*members, method=zipfile.ZIP_DEFLATED):
    """A zip of (name, content)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that comes twice
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def damaged(method):
    """A zip whose stream breaks off in the middle of its bytes."""
    data = bytearray(packed(("coupling.py", honest() + "#" * 5000), method=method))
    at = data.index(b"coupling.py") + 30
    data[at : at + 40] = bytes(40)
    return bytes(data)


def with_header(variant):
    return f"# minigen homework coupling, format 2, variant {variant}\nx = 1\n"


def declared(size):
    """A zip that declares another size than it has."""
    data = bytearray(packed(("coupling.py", "x = 1\n"), method=zipfile.ZIP_STORED))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", size)
    return bytes(data)


def zip64(size):
    """A zip whose sizes stand in the field of zip64, and are not true."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w") as archive,
        archive.open("coupling.py", "w", force_zip64=True) as f,
    ):
        f.write(b"x = 1\n")
    data = bytearray(out.getvalue())
    at = data.index(b"PK\x01\x02") + 20
    data[at : at + 8] = b"\xff" * 8
    return bytes(data).replace(struct.pack("<QQ", 6, 6), struct.pack("<QQ", size, size))


def method(number):
    """A zip that says it is packed by another method than it is."""
    data = bytearray(packed(("coupling.py", honest())))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.index(mark) + offset
        data[at : at + 2] = struct.pack("<H", number)
    return bytes(data)


def checksum():
    """A stored zip in which a byte has changed."""
    data = bytearray(packed(("coupling.py", "x = 1\n"), method=zipfile.ZIP_STORED))
    data[data.index(b"x = 1")] ^= 1
    return bytes(data)


def nested(depth):
    """A zip in a zip in a zip, in which the module lies deepest."""
    data = packed(("coupling.py", "x = 1\n"))
    for _ in range(depth):
        data = packed(("coupling.zip", data))
    return data


MARK = "# minigen homework "
LINK = zipfile.ZipInfo("coupling.py")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16
LOCKED = bytearray(packed(("coupling.py", "x = 1\n")))
LOCKED[6] |= 1
LOCKED[LOCKED.index(b"PK\x01\x02") + 8] |= 1
KINDS = {
    "damaged deflate.zip": damaged(zipfile.ZIP_DEFLATED),
    "damaged lzma.zip": damaged(zipfile.ZIP_LZMA),
    "damaged bzip2.zip": damaged(zipfile.ZIP_BZIP2),
    "bomb deflate.zip": packed(("coupling.py", bytes(1 << 26))),
    "bomb bzip2.zip": packed(("coupling.py", bytes(1 << 26)), method=zipfile.ZIP_BZIP2),
    "bomb lzma.zip": packed(("coupling.py", bytes(1 << 26)), method=zipfile.ZIP_LZMA),
    "zip in zip.zip": packed(("coupling.zip", packed(("coupling.py", "x = 1\n")))),
    "declares 4 GB.zip": declared(0xFFFFFFF0),
    "declares none.zip": declared(0),
    "nothing.zip": b"",
    "only its end.zip": packed(),
    "half.zip": packed(("coupling.py", honest()))[:300],
    "not a zip.zip": b"x = 1\n" * 100,
    "locked.zip": bytes(LOCKED),
    "many members.zip": packed(*((f"{k}.txt", "") for k in range(3000))),
    "two modules.zip": packed(("a/coupling.py", "x = 1\n"), ("b/coupling.py", "x = 2\n")),
    "a link in it.zip": packed((LINK, "/etc/passwd")),
    "only junk.zip": packed(("__MACOSX/._coupling.py", "x = 1\n"), ("._coupling.py", "y\n")),
    "name of nulls.zip": packed(("coup\0ling.py", "x = 1\n")),
    "a large one.zip": os.urandom(5_000_000),
    "raw xz.zip": lzma.compress(b"x = 1\n"),
    "deep header.py": with_header('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")[:190_000],
    "open header.py": with_header('{"a": ' + "[" * 150_000 + "}"),
    "header of lists.py": with_header('{"scale": ["a"]}'),
    "header of numbers.py": with_header('{"scale": 1e999, "b": NaN}'),
    "header without end.py": with_header("{"),
    "long number in the header.py": MARK + "coupling, format " + "9" * 150_000 + ", variant {}\n",
    "long spaces.py": "x = 1" + " " * 12_000 + "$\n",
    "longer spaces.py": "x = 1" + " " * 180_000 + "$\n",
    "open strings.py": "'''" * 60_001,
    "brackets.py": "(" * 190_000,
    "minus signs.py": "x = " + "-" * 190_000 + "1\n",
    "dots.py": "x = y" + ".z" * 90_000 + "\n",
    "sums.py": "x = 1" + " + 1" * 45_000 + "\n",
    "indents.py": "".join(" " * k + "if 1:\n" for k in range(99)) + " " * 99 + "x = 1\n",
    "a long number.py": "x = " + "9" * 190_000 + "\n",
    "nested f-strings.py": "x = " + "f'{" * 200 + "1" + "}'" * 200 + "\n",
    "null bytes.py": b"x = 1\0" * 1000,
    "utf-16.py": honest().encode("utf-16"),
    "no utf-8.py": b"# \xff\xfe\nx = 1\n",
    "unknown encoding.py": b"# -*- coding: klingon -*-\nx = 1\n",
    "a codec.py": b"# -*- coding: zlib_codec -*-\nx = 1\n",
    "too large.py": "#" * 250_000,
    "empty.py": "",
    "lone surrogate.py": "x = '\\ud800'\n" + with_header("{}"),
    "no module.docx": b"PK\x03\x04",
    "notebook.ipynb": "{}",
    "broken notebook.ipynb": '{"cells": [' * 20_000,
    "a 7z.7z": b"7z\xbc\xaf\x27\x1c" + bytes(100),
    "a rar.rar": b"Rar!\x1a\x07\x01\0" + bytes(100),
    "a tar.tar.gz": gzip.compress(bytes(10_240)),
    "another tar.tgz": gzip.compress(bytes(10_240)),
    "zip of notebooks.zip": packed(("coupling.ipynb", '{"cells": [')),
    "zip64.zip": zip64(1 << 40),
    "twice the same name.zip": packed(("coupling.py", "x = 1\n"), ("coupling.py", "x = 2\n")),
    "two cases.zip": packed(("coupling.py", "x = 1\n"), ("COUPLING.PY", "x = 2\n")),
    "a folder of that name.zip": packed(("coupling.py/", "")),
    "an unknown method.zip": method(93),
    "a checksum.zip": checksum(),
    "nested.zip": nested(20),
    "a right-to-left name.zip": packed(("\u202egnilpuoc.py", "x = 1\n"), ("b.py", "y")),
    "a hundred MB of spaces.zip": packed(("coupling.py", b" " * 100_000_000)),
    "spaces.py": b" " * 8_000_000,
    "lines.py": b"\n" * 190_000 + b"x = (",
    "utf-32.py": honest().encode("utf-32"),
    "utf-16 without a mark.py": honest().encode("utf-16-le"),
    "\u202eyp.right to left.py": "x = 1\n",
    "\u2066yp.right to left.py": "x = 1\n",
    "calls.py": "x = " + "f(" * 40_000 + ")" * 40_000 + "\n",
    "lambdas.py": "x = " + "lambda: " * 20_000 + "1\n",
    "decorators.py": "@f\n" * 60_000 + "def g(): ...\n",
    "a comment of nulls.py": b"# " + bytes(150_000),
    "a picture.py": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100,
    "no suffix": "x = 1\n",
    "n" * 245 + ".py": "x = 1\n",
    b"bytes \xff\xfe.py": "x = 1\n",
    "new\nline.py": "x = 1\n",
    "=1+1.py": "x = 1\n",
}  # fmt: skip


def written(folder):
    """The malformed uploads, and folders, links and pipes that only a file system has."""
    for name, content in KINDS.items():
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        name = os.fsdecode(name) if isinstance(name, bytes) else named(name)
        (folder / name).write_bytes(data)
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.py")
    (folder / "a pipe in it").mkdir()
    os.mkfifo(folder / "a pipe in it" / "coupling.py")
    (folder / "deep" / "1" / "2" / "3" / "4" / "5").mkdir(parents=True)
    (folder / "deep" / "1" / "2" / "3" / "4" / "5" / "coupling.py").touch()
    (folder / "empty folder").mkdir()
    (folder / "many").mkdir()
    for k in range(2100):
        (folder / "many" / f"{k}.py").touch()


def test_no_upload_stops_or_slows_the_class(tmp_path):
    resource = pytest.importorskip("resource")  # not on Windows
    (tmp_path / "in").mkdir()
    written(tmp_path / "in")
    bad = {uploads[0].entry for uploads in submissions.find(tmp_path / "in")}
    assert len(bad) == len(KINDS) + 7
    for name in ("anna", "Łukasz", "Ольга", "李"):
        text = bank.header_and(BANK, variants.drawn(BANK.assignment, KEY))
        (tmp_path / "in" / named(f"{name}.py")).write_text(text, encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.process_time()
    graded = homework.grade(tmp_path / "in", KEY, tmp_path / "out", "coupling", isolation=LEVEL,
                            jobs=2, progress=False)  # fmt: skip
    assert time.process_time() - start < 60
    by = {r["entry"]: r for r in graded}
    assert by.keys() == bad | {f"{name}.py" for name in ("anna", "Łukasz", "Ольга", "李")}
    for entry, record in by.items():
        assert (record["earned"] == record["points"]) == (entry not in bad), record
        assert entry not in bad or all(m["why"] for m in record["marks"])
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1024 if sys.platform == "darwin" else 1  # bytes there, kilobytes elsewhere
    itself = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # a child begins as its copy
    assert most <= max(before, itself, 500_000 * unit)
    table = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig")
    assert "Ольга" in table and "'=1+1" in table


SAYS = {  # what a student reads of the usual slips
    "locked.zip": "locked by a password", "a checksum.zip": "the zip is damaged",
    "utf-16.py": "save it in UTF-8", "utf-32.py": "save it in UTF-8",
    "notebook.ipynb": "this is a notebook: hand in coupling.py",
    "a tar.tar.gz": "expected coupling.py, or a folder or zip with it",
    "an unknown method.zip": "packed by an unusual method", "too large.py": "larger than 200000",
    "two modules.zip": "expected one coupling.py, found 2 files",
    "zip of notebooks.zip": "expected one coupling.py, found 0 files",
}  # fmt: skip


def test_an_upload_that_cannot_be_graded_is_told_why_in_words(tmp_path):
    for name in SAYS:
        content = KINDS[name]
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
    with submissions.Looker(LEVEL, Limits(), "coupling") as looker:
        found = {u[0].entry: looker.look(u).problem for u in submissions.find(tmp_path)}
    assert {name: SAYS[name] in said for name, said in found.items()} == dict.fromkeys(SAYS, True)


def test_names_that_differ_in_what_cannot_be_printed_stay_two_students(tmp_path):
    names = [b"a\xff", b"a\xfe", "a\u202e".encode(), "a\u202d".encode(), b"a\\xff", b"A\xff"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name + b".py"), "wb") as file:
            file.write(b"x = 1\n")
    students = [u[0].student for u in submissions.find(tmp_path)]
    assert len(set(students)) == len(names) and all(s.isprintable() for s in students)
    assert len({Submission(s).id for s in students}) == len(names)


def test_an_archive_of_another_kind_belongs_to_the_same_student(tmp_path):
    (tmp_path / "anna.py").write_text("x = 1\n", encoding="utf-8")
    for name in ("anna.tar.gz", "anna.7z", "anna (1).tar.xz"):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (1, 1))
    ((first, *others),) = submissions.find(tmp_path)
    assert first.entry == "anna (1).tar.xz" and len(others) == 3  # the highest copy counts


def test_a_module_in_capitals_is_found_in_zips_and_folders(tmp_path):
    (tmp_path / "a.zip").write_bytes(packed(("HW/COUPLING.PY", "x = 1\n"), ("other.py", "y")))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "Coupling.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "b" / "more.py").write_text("y\n", encoding="utf-8")
    with submissions.Looker(LEVEL, Limits(), "coupling") as looker:
        found = [looker.look(entries) for entries in submissions.find(tmp_path)]
    assert [s.source for s in found] == [b"x = 1\n"] * 2


def test_a_students_id_rests_on_the_name_alone():
    ids = [Submission(n).id for n in ("Ольга", "李", "a b", "a-b", "a_b", "x" * 300, "=cmd()")]
    assert len(set(ids)) == len(ids) and all(len(i) <= 41 and i.isascii() for i in ids)
    assert Submission("Łukasz Żak").id == Submission("Łukasz Żak", source=b"other").id


def test_of_several_entries_of_a_student_one_counts_and_the_others_are_named(tmp_path):
    text = honest()
    for name in ("anna.py", "anna (1).py", "anna(2).py", "ben.py"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for folder in ("ben", "anna"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "coupling.py").write_text(text, encoding="utf-8")
        os.utime(tmp_path / folder, (1, 1))
    for form in ("NFD", "NFC"):
        name = named(unicodedata.normalize(form, "Zoë.py"))
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = {u[0].student: [e.entry for e in u] for u in submissions.find(tmp_path)}
    assert found["anna"] == ["anna(2).py", "anna (1).py", "anna.py", "anna"]
    assert found["ben"] == ["ben.py", "ben"] and len(found["Zoë"]) == 2 and len(found) == 3


def test_what_systems_leave_behind_is_left_out_in_folders_as_in_zips(tmp_path):
    (tmp_path / "in").mkdir()
    junk = ("__MACOSX/._coupling.py", "._coupling.py", ".ipynb_checkpoints/coupling.py",
            "__pycache__/coupling.py")  # fmt: skip
    for name in ("coupling.py", *junk):
        path = tmp_path / "in" / "a" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("x = 1\n", encoding="utf-8")
    data = packed(*((f"hw/{name}", "x = 1\n") for name in ("coupling.py", *junk)))
    (tmp_path / "in" / "b.zip").write_bytes(data)
    with submissions.Looker(LEVEL, Limits(), "coupling") as looker:
        found = [looker.look(entries) for entries in submissions.find(tmp_path / "in")]
    assert [s.source for s in found] == [b"x = 1\n"] * 2


def test_cells_of_a_table_are_no_formulas():
    for text in ("=1+1", "+1", "-1", "@x", " =1", "\t=1"):
        assert records.no_formula(text) == f"'{text}"
    assert records.no_formula("anna") == "anna"
