"""The disk cache of compiled kernels only ever saves time: nothing about it can fail."""

import hashlib
import os
import pickle
import stat
import subprocess
import sys

import pytest

CODE = """
import numpy as np
from minigen.kernels import dense
a = np.array([[0.0, 1.0]])
dense.bias_relu(a, np.array([0.5, 0.5]))
print(a[0].tolist())
"""


def run(**environment):
    """What a fresh process prints that compiles one kernel."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:numba is not installed", "-c", CODE],
        env=os.environ | environment, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("numba")
    path = tmp_path / "cache"
    assert run(MINIGEN_CACHE=str(path)) == "[0.5, 1.5]"
    return path


def files(path):
    return sorted(p for p in path.rglob("*") if p.is_file())


@pytest.mark.skipif(os.environ.get("MINIGEN_BACKEND") == "numpy", reason="nothing is compiled")
def test_compiled_code_is_kept_in_a_private_folder(folder):
    assert [p.suffix for p in files(folder)] == [".nbc"]
    if hasattr(os, "getuid"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("keep", [0, 10, 100])
def test_a_truncated_cache_is_compiled_again(folder, keep):
    """H26: a half-written file must not stop the import, nor the kernel."""
    for path in files(folder):
        path.write_bytes(path.read_bytes()[:keep])
    assert run(MINIGEN_CACHE=str(folder)) == "[0.5, 1.5]"


def test_a_cache_of_nonsense_is_compiled_again(folder):
    for path in files(folder):
        path.write_bytes(b"nonsense" * 100)
    assert run(MINIGEN_CACHE=str(folder)) == "[0.5, 1.5]"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners or modes here")
def test_a_folder_that_others_can_write_is_not_used(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert run(MINIGEN_CACHE=str(shared)) == "[0.5, 1.5]" and not files(shared)


@pytest.mark.parametrize(
    "environment",
    [
        {"MINIGEN_CACHE": "0"},
        {"MINIGEN_CACHE": os.devnull + "/nowhere"},
        dict.fromkeys(["HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"], os.devnull + "/nowhere"),
        {"MINIGEN_BACKEND": "numpy"},
    ],
    ids=["off", "not a folder", "no home", "numpy"],
)
def test_without_a_cache_the_result_is_the_same(environment):
    assert run(**environment) == "[0.5, 1.5]"


@pytest.mark.skipif(os.environ.get("MINIGEN_BACKEND") == "numpy", reason="nothing is compiled")
def test_what_is_damaged_foreign_or_of_another_kernel_is_removed_unread_and_compiled_again(folder):
    """A pickle that would stop the process is planted: it is never opened."""

    class Trap:
        def __reduce__(self):
            return os._exit, (99,)

    (path,) = files(folder)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    trap = pickle.dumps(Trap())
    sealed = hashlib.sha256(trap).digest() + trap
    for content in (bytes(flipped), trap, sealed, whole[:-1], whole + b"\0", b""):
        path.write_bytes(content)
        assert run(MINIGEN_CACHE=str(folder)) == "[0.5, 1.5]"
        (healed,) = files(folder)
        assert healed == path and path.read_bytes() != content
    twin = path.with_name(path.name.replace("bias_relu.", "other."))
    path.rename(twin)
    (renamed,) = files(folder)
    assert run(MINIGEN_CACHE=str(folder)) == "[0.5, 1.5]" and len(files(folder)) == 2
    renamed.replace(path)  # whole, but of the same kernel: used


@pytest.mark.skipif(os.environ.get("MINIGEN_BACKEND") == "numpy", reason="nothing is compiled")
def test_the_files_of_an_older_source_are_removed(folder):
    (path,) = files(folder)
    name, version, key, suffix = path.name.split(".")
    old = path.with_name(f"{name}.{version[::-1]}.{key}.{suffix}")
    path.rename(old)
    path.with_name("bias_relu-26.py311.nbi").write_bytes(b"numba's own")
    assert run(MINIGEN_CACHE=str(folder)) == "[0.5, 1.5]" and files(folder) == [path]
