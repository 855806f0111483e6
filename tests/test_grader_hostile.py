"""Hostile submissions in the 12 families of attack on graders, against `coupling`.

None of them solves anything, so whatever one earns it has stolen. What an attack finds out it
raises in a message that begins with LEAK, which then stands in its own report. CANARY, OUT and
SUBMISSIONS stand for paths of the run under attack, CHECKOUT for the folder of this project.
"""
# ruff: noqa: E501 (edits of source lines stand as they are)

FUNCTIONS = (
    "coupling_forward", "coupling_backward", "coupling_inverse", "nvp6", "nvp6_counterexample",
)  # fmt: skip
SKETCH = """
import numpy as np

def coupling_forward(x, W1, b1, W2, b2):
    return {y}, {l}, (x, W1, b1, W2, b2)

def coupling_backward(dy, dlogdet, cache):
    return {g}

def coupling_inverse(y, W1, b1, W2, b2):
    return {y0}, {l0}

def nvp6(y2, s, t):
    return {y2}

def nvp6_counterexample():
    return {c}
"""
PLAIN = {"y": "x * 0", "l": "x[:, 0] * 0", "g": "tuple(a * 0 for a in cache)", "y0": "y * 0",
         "l0": "y[:, 0] * 0", "y2": "y2 * 0", "c": "np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1))"}  # fmt: skip


def sketch(before="", **changes):
    """A module with all functions in it, all wrong, after some other text."""
    return before + SKETCH.format(**PLAIN | changes)


def everywhere(body, before=""):
    """A module whose functions all do the same thing."""
    pad = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return before + "\n".join(f"def {name}(*args):\n{pad}\n" for name in FUNCTIONS)


LIAR = """
import numpy as np
class Liar(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __sub__(self, other): return 0 * np.asarray(self)
    __rsub__ = __sub__
    def __abs__(self): return 0 * np.asarray(self)
    def __array_ufunc__(self, *args, **kwargs): return np.zeros(self.shape)
def lie(a): return np.asarray(a, float).view(Liar)
class Always:
    shape, dtype, ndim = (1, 1), np.dtype(float), 2
    def __eq__(self, other): return True
    def __array__(self, *args, **kwargs): return np.zeros((1, 1))
    def __lt__(self, other): return True
    def __le__(self, other): return True
"""
FRAMES = """
import gc, os, sys
found = []
frame = sys._getframe()
while frame is not None:
    found += [str(k) for k in frame.f_locals if "expect" in k or "verdict" in k or "seed" in k]
    frame = frame.f_back
for thing in gc.get_objects():
    if type(thing).__name__ in ("Case", "Pair", "Question", "Assignment", "Path"):
        found.append(type(thing).__name__)
if found:
    raise ValueError("LEAK " + " ".join(found))
"""
DESCRIPTORS = """
import os, struct
for fd in range(64):
    for data in (b"PASS", b'{"passed": true}', struct.pack("<I", 19) + bytes(16) + b"\\0\\0\\0"):
        try:
            os.write(fd, data)
        except OSError:
            pass
"""
PATHS = """
import os, glob, numpy
package = os.path.dirname(numpy.__file__)
def known(folder, files):  # NumPy itself, or an otherwise empty folder on the way to it
    inside = any((folder + "/").startswith(root + "/") for root in (package, package + ".libs"))
    return inside or (package.startswith(folder + "/") and not files)
names = ["CANARY", "/etc/shadow", "/etc/passwd", "/proc/1/environ", "/proc/1/cmdline",
         "/proc/self/environ", "OUT/run.json", "OUT/results.json", "SUBMISSIONS/honest.py"]
names += glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/root/*") + glob.glob("/home/*/*")
names += glob.glob("CHECKOUT/*") + glob.glob("/tmp/*")
for name in names:
    try:
        if os.path.isdir(name) and not os.listdir(name):
            continue
        text = str(os.listdir(name)) if os.path.isdir(name) else open(name, "rb").read(200)
    except OSError:
        continue
    if os.path.isdir(name) and all(known(d, files) for d, _, files in os.walk(name)):
        continue
    raise ValueError("LEAK " + name + " " + str(text)[:100])
"""
MEMORY = """
import os, ctypes
for pid in [os.getppid(), 1, os.getpid() - 1]:
    for name in ("mem", "maps", "environ", "fd/0", "cwd/key.txt"):
        try:
            data = open("/proc/%d/%s" % (pid, name), "rb").read(10)
        except (OSError, ValueError):
            continue
        if data and pid != os.getpid():
            raise ValueError("LEAK " + name)
libc = ctypes.CDLL(None)
if os.getppid() > 1 and libc.ptrace(16, os.getppid(), 0, 0) == 0:
    raise ValueError("LEAK ptrace")
"""
IMPORTS = """
import importlib, sys, glob
sys.path += ["CHECKOUT", "/usr/lib/python3/dist-packages", *glob.glob("/*/*/lib/python3*/site-packages"),
             *glob.glob("/*/*/*/lib/python3*/site-packages"),
             *glob.glob("/root/.pyenv/versions/*/lib/python3*/site-packages")]
for name in ("minigen", "minigen.homework.tasks.coupling", "torch", "jax", "autograd", "scipy", "pip"):
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    raise ValueError("LEAK import " + name)
"""
RECURSE = """
import subprocess, sys
for command in (["minigen", "homework", "list"], [sys.executable or "python3", "-m", "minigen"],
                ["/bin/sh", "-c", "id"], ["python3", "-c", "1"]):
    try:
        subprocess.run(command, timeout=3, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        continue
    raise ValueError("LEAK ran " + command[0])
"""
WRITE = """
import os
names = ["OUT/results.json", "OUT/records/honest.json", "SUBMISSIONS/honest.py", "CANARY",
         "/tmp/stolen", "/etc/stolen", "/worker.py", "/stolen", "../stolen", "/dev/shm/stolen"]
import numpy
names += [os.path.join(os.path.dirname(numpy.__file__), "stolen.py"), os.__file__]
for name in names:
    try:
        with open(name, "ab") as file:
            file.write(b"stolen")
    except OSError:
        continue
    if name not in ("../stolen",):
        raise ValueError("LEAK wrote " + name)
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(300)
    os._exit(0)
raise ValueError("LEAK daemon")
"""
NETWORK = """
import socket
for address in (("127.0.0.1", 22), ("127.0.0.1", 80), ("1.1.1.1", 53), ("169.254.169.254", 80)):
    try:
        socket.create_connection(address, timeout=0.3)
    except OSError as error:
        if "refused" in str(error).lower() and address[0] != "127.0.0.1":
            raise ValueError("LEAK reached")
        continue
    raise ValueError("LEAK connected")
try:
    server = socket.socket(socket.AF_UNIX); server.connect("/run/docker.sock")
except OSError:
    pass
else:
    raise ValueError("LEAK docker")
"""
ESCAPE = """
import os, ctypes
libc = ctypes.CDLL(None, use_errno=True)
for flags in (0x10000000, 0x20000, 0x10000000 | 0x20000):
    if libc.unshare(flags) == 0:
        raise ValueError("LEAK unshare")
if libc.prctl(1, 0, 0, 0, 0) == 0 and libc.chroot(b"..") == 0:
    raise ValueError("LEAK chroot")
for call in (lambda: os.setuid(0), lambda: os.kill(-1, 9), lambda: os.kill(os.getppid(), 9),
             lambda: os.symlink("/etc", "etc") or os.listdir("etc") and 1 / 0):
    try:
        call()
    except (OSError, ZeroDivisionError):
        continue
"""
SPIN = """
import signal, threading, time
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
"""

HOSTILE = {
    # 1 monkeypatching
    "1 patched numpy": sketch("import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
                              "np.abs = np.max = lambda *a, **k: np.zeros(())\n"
                              "np.isfinite = lambda *a: True\n"),
    "1 patched builtins": sketch("import builtins\nbuiltins.sum = lambda *a: 0\nbuiltins.abs = lambda a: 0\n"
                                 "builtins.len = lambda a: 0\nbuiltins.isinstance = lambda *a: True\n"),
    "1 patched worker": sketch("import sys, struct, os\nm = sys.modules['__main__']\n"
                               "m.Desk.answer = lambda *a: (0, [])\nm.DONE = m.FAILED = 0\n"
                               "m.parse = lambda *a: (b'0' * 16, 1, 'f', [])\n"),
    # 2 objects that compare as they like
    "2 ndarray subclass": sketch(LIAR, y="lie(x)", l="lie(x[:, 0])", g="tuple(map(lie, cache))",
                                 y0="lie(y)", l0="lie(y[:, 0])", y2="lie(y2)"),
    "2 equal to all": sketch(LIAR, y="Always()", l="Always()", g="(Always(),) * 5", y0="Always()",
                             l0="Always()", y2="Always()", c="Always(), Always(), Always()"),
    "2 nan and inf": sketch(y="x * np.nan", l="x[:, 0] / 0", g="tuple(a * np.inf for a in cache)",
                            y2="y2 * np.nan", c="(np.full((1, 1), np.nan),) * 3"),
    # 3 leaving
    "3 sys.exit": everywhere("import sys\nsys.exit(0)"),
    "3 os._exit": everywhere("import os\nos._exit(0)"),
    "3 abort and segfault": everywhere("import ctypes, os\nctypes.string_at(0)\nos.abort()"),
    "3 exit while loading": "import os\nos._exit(0)\n",
    "3 atexit": everywhere("import atexit, os\natexit.register(os._exit, 0)\nraise SystemExit(0)"),
    # 4 fake results
    "4 prints results": everywhere("print('PASSED', args)\nprint('{\"score\": 100}')\nreturn None"),
    "4 writes results": everywhere(
        "import json\nfor n in ('results.json', 'OUT/results.json', '/autograder/results/results.json'):\n"
        "    try:\n        open(n, 'w').write(json.dumps({'score': 100}))\n"
        "    except OSError:\n        pass\nreturn 0"),
    "4 a huge frame": everywhere("import os, struct\nfor fd in range(3, 64):\n    try:\n"
                                 "        os.write(fd, struct.pack('<I', 2**32 - 1))\n"
                                 "    except OSError:\n        pass\nreturn 0"),
    # 5 walking frames, garbage and descriptors
    "5 frames and gc": everywhere(FRAMES),
    "5 descriptors": everywhere(DESCRIPTORS + "return 0"),
    # 6 reading
    "6 paths": everywhere(PATHS),
    "6 memory": everywhere(MEMORY),
    "6 environment": everywhere("import os, sys\ntext = str(dict(os.environ)) + str(sys.argv)\n"
                                "if 'spring' in text or 'HOME' in text:\n"
                                "    raise ValueError('LEAK ' + text)"),
    # 7 the reference
    "7 imports": everywhere(IMPORTS),
    "7 runs the grader": everywhere(RECURSE),
    # 8 hanging
    "8 loop": everywhere("while True:\n    pass"),
    "8 sleeps, ignoring signals": everywhere(SPIN + "time.sleep(1000)"),
    "8 loop while loading": "while True:\n    pass\n",
    "8 threads": everywhere(SPIN + "def spin():\n    while True:\n        pass\n"
                            "for k in range(8):\n    threading.Thread(target=spin, daemon=True).start()\n"
                            "spin()"),
    # 9 processes
    "9 fork bomb": everywhere("import os\nwhile True:\n    os.fork()"),
    "9 daemon": everywhere(DAEMON),
    "9 escape": everywhere(ESCAPE),
    # 10 floods
    "10 memory": everywhere("import numpy as np\nkeep = []\nwhile True:\n    keep.append(np.ones(1 << 24))"),
    "10 disk": everywhere("k = 0\nwhile True:\n    k += 1\n    f = open('f%d' % k, 'wb')\n"
                          "    f.write(b'x' * (1 << 22))\n    f.close()"),
    "10 descriptors": everywhere("import os\nkeep = []\nwhile True:\n    keep.append(os.open('/', os.O_RDONLY))"),
    "10 stdout": everywhere("import sys\nwhile True:\n    print('x' * (1 << 20))"),
    "10 answers": sketch(y="np.zeros((1 << 22,))", g="(np.zeros(1 << 22),) * 5", y0="np.zeros(1 << 22)"),
    "10 message": everywhere("raise ValueError('x' * (1 << 26))"),
    # 11 network, paths
    "11 network": everywhere(NETWORK),
    "11 writes": everywhere(WRITE),
    # 12 plausible
    "12 memoised": sketch("MEMO = {}\n", y="MEMO.setdefault('y', x)", l="MEMO.setdefault('l', x[:, 0])",
                          g="MEMO.setdefault('g', cache)"),
    "12 writes into inputs": everywhere("for a in args:\n    if hasattr(a, 'flags'):\n"
                                        "        a.flags.writeable = True\n        a[...] = 0\n"
                                        "return args[0], args[0], args"),
    "12 reseeds": sketch("import random, numpy as np\nrandom.seed(0)\nnp.random.seed(0)\n",
                         y="np.random.randn(*x.shape)", l="np.random.randn(len(x))"),
    "12 views of inputs": sketch(y="x", l="x[:, 0]", g="cache", y0="y", l0="y[:, 0]", y2="y2"),
}  # fmt: skip
