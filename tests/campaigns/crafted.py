"""Files that lie: crafted checkpoints are refused by CheckpointError, or are sound models."""

import contextlib
import copy
import hashlib
import io
import json
import os
import pathlib
import struct
import tempfile
import time
import zipfile

import numpy as np

from minigen import data, diffusion, flows, markov, metric, nn, prob, training
from minigen.core import tree
from minigen.core.validate import InvalidInput
from minigen.training import archive

VALUES = (None, True, "x", "", -1, 0, 1, 7, 1.5, -0.5, 1e308, float("nan"), float("inf"), 10**12,
          10**400, [], {}, [1], "minigen")  # fmt: skip
CODE = b"cos\nsystem\n(S'touch /tmp/minigen-was-here'\ntR."


def models():
    """{name: a small model}, one of each kind that has fields of its own."""
    rng = np.random.default_rng(0)
    x = data.toy("moons").sample(50, rng=rng)
    digits = rng.integers(0, 17, (30, 4))
    schedule = diffusion.linear_schedule(5)
    return {
        "real_nvp": flows.real_nvp(2, 2, (4,), init_from=x, rng=rng),
        "digits": flows.real_nvp(4, 1, (4,), levels=17, init_from=digits, rng=rng),
        "maf": flows.maf(2, 1, (4,), context=1, rng=rng),
        "spline": flows.neural_spline(2, 1, (4,), bins=2, coupling=True, rng=rng),
        "iaf": flows.iaf(2, 1, (4,), rng=rng),
        "linear": flows.Flow(flows.InvertibleLinear.init(2, rng=rng), prob.Gaussian.init(2)),
        "mog": flows.MADEMoG.init(2, (4,), 2, rng=rng),
        "mixture": prob.Mixture.of_gaussians([[-2.0, 0.0], [2.0, 0.0]]),
        "ddpm": diffusion.ddpm(2, schedule, hidden=4, blocks=1, classes=2, init_from=x, rng=rng),
        "learned": diffusion.ddpm(2, schedule, hidden=4, blocks=1, variance="learned", rng=rng),
        "chain": markov.CategoricalChain.init(3),
        "gaussian_chain": markov.GaussianChain.init(2),
        "pictures": flows.real_nvp_image(
            (2, 2, 1), 2, 1, 2, blocks=1, groups=1, context=2, rng=rng
        ),
        "unet": diffusion.ddpm(
            4, schedule, hidden=2, blocks=1, net="unet", shape=(2, 2, 1), scales=2, groups=1,
            classes=2, rng=rng,
        ),
        "patches": flows.transformer_maf((2, 2, 1), 1, 4, blocks=1, heads=2, rng=rng),
        "columns": flows.Flow(
            flows.Chain((
                flows.OnColumns(flows.Inverse(flows.Exp()), (1,)), flows.Whiten.init_from(x),
                flows.ContextShift.init_from(x, x[:, :1] > 0), flows.ColumnSplines.init_from(x),
            )),
            prob.StandardNormal(2),
        ),
        "triplet": metric.embedding(4, 2, hidden=(4,), rng=rng),
        "net": nn.mlp(2, (4,), 2, rng=rng),
    }  # fmt: skip


def probe(model):
    """Use a model as its class allows; whatever is not a number of the right shape is an error."""
    rng = np.random.default_rng(0)
    if isinstance(model, flows.Flow | flows.MADEMoG | prob.Mixture | prob.Gaussian):
        c = (np.zeros((3, model.context)),) if model.context else ()
        x = model.sample(3, *c, rng=rng)
        assert x.shape == (3, model.features), x.shape
        assert model.log_prob(x, *c).shape == (3,)
    elif isinstance(model, diffusion.DDPM):
        x = model.sample(3, rng=rng, steps=min(3, model.schedule.T))
        assert x.shape == (3, model.features)
        assert model.elbo(x, rng=rng).L.shape == (model.schedule.T + 1,)
    elif isinstance(model, markov.CategoricalChain | markov.GaussianChain):
        assert np.isfinite(model.log_prob(model.sample(3, length=4, rng=rng))).all()
    elif isinstance(model, metric.MinedTripletLoss):
        assert len(model.embed(np.zeros((3, model.features)))) == 3
    elif isinstance(model, nn.Sequential):
        first = next(f.params["W"] for f in model.layers if "W" in f.params)
        assert len(model.forward(np.zeros((3, len(first)), model.dtype))[0]) == 3


def forged(manifest, arrays, comment=None, **options):
    """The bytes of a file with this manifest and these arrays, with all hashes right."""
    about = {n: archive.fingerprint(np.ascontiguousarray(a)) for n, a in arrays.items()}
    for name, change in options.get("about", {}).items():
        about[name] = {**about.get(name, {}), **change}
    text = options.pop("text", None)
    text = text if text is not None else json.dumps({**manifest, "arrays": about}).encode()
    members = [("manifest.json", text)]
    members += [(f"{n}.npy", npy(a)) for n, a in arrays.items()]
    members = options.pop("members", lambda m: m)(members)
    return zipped(members, text if comment is None else comment, **options)


def zipped(members, text, compressed=False, prefix=b"", suffix=b"", **_):
    """A zip archive of members, its comment the hash of `text`."""
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as file:
        mark = archive.MARK + hashlib.sha256(text).hexdigest().encode()
        file.comment = mark if text else b""
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            file.writestr(info, content)
    return prefix + buffer.getvalue() + suffix


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def leaves(node, path=()):
    """The path of every dict, list and value below a description."""
    yield path
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from leaves(node[key], (*path, key))


def changed(node, path, value):
    """A copy of a description with `value` at a path; a missing one for `changed`."""
    new = copy.deepcopy(node)
    place = new
    for key in path[:-1]:
        place = place[key]
    if value is changed:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return new


def lies(manifest):
    """Makers of manifests with one place changed: a value, a class, a part left out or doubled."""
    for path in leaves(manifest["model"]):
        if not path:
            continue
        key, old = path[-1], manifest["model"]
        for k in path:
            old = old[k]
        new: list = [changed]
        if key == "value":
            new += [v for v in VALUES if v is not old]
        elif key == "class":
            new += ["Linear", "Schedule", "Permute", "system", 3, None]
        elif key == "module":
            new += ["os", "minigen.cli.main", "minigen.__main__", "minigen.nn.linear", "..", None]
        elif isinstance(old, list):
            new += [[], old[:-1], old + old[-1:], old[::-1], [3], {}]
        elif key == "array":
            new = [0, "x"]
        else:
            new += [{}, None]
        for value in new:
            yield lambda p=path, v=value: {**manifest, "model": changed(manifest["model"], p, v)}
    for key, value in [("format", 99), ("format", 1), ("format", "3"), ("format", True),
                       ("format", None), ("model", None), ("model", []), ("state", 3)]:  # fmt: skip
        yield lambda k=key, v=value: {**manifest, k: v}


def misshapen(arrays):
    """Arrays of other shapes, types and values under the same names, honestly described."""
    for name, a in arrays.items():
        wide = np.concatenate([a, a[:1]]) if a.ndim else a
        others = [a.T, a.ravel(), a[None], a[:0], a[:1], wide, a[..., :1], np.float32(1.0) * 1]
        others += [a.astype(t) for t in ("<f2", "<f8", "<f4", "<i4", "|u1", "|b1", "<i8")]
        if a.dtype.kind == "f":
            for bad in (np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0):
                others.append(
                    np.where(np.arange(a.size).reshape(a.shape) == 0, bad, a).astype(a.dtype)
                )
        else:
            others += [a + 1, a - 1, a * 0, a * 0 + 2**31, -a]
        for other in others:
            other = np.asarray(other)
            if other.shape != a.shape or other.dtype != a.dtype or not np.array_equal(other, a):
                yield {**arrays, name: other}
        yield {k: v for k, v in arrays.items() if k != name}
    yield {**arrays, "more": np.zeros(3)}
    yield {**arrays, "../up": np.zeros(3)}


def tricks(manifest, arrays):
    """Archives that are not what `save` writes."""

    def of(**options):
        return forged(manifest, arrays, **options)

    whole, name = of(), next(iter(arrays))
    for shape in ([10**10], [-1], [2**63, 2], [True, 2], [0], "x", [1.5], [2] * 70, [[]]):
        yield of(about={name: {"shape": shape}})
    for dtype in ("|O", ">f4", "<f16", "|S4", "<M8", 3, None, "<c8", "V8", "[('a', '<f4')]"):
        yield of(about={name: {"dtype": dtype}})
    yield of(about={name: {"sha256": "0" * 64}})
    yield of(about={name: {"more": 1}})
    yield of(about={"ghost": {"dtype": "<f4", "shape": [2], "sha256": "0"}})
    yield of(compressed=True)
    yield of(comment=b"")
    yield of(comment=b"another")
    for junk in (b"PK\3\4", b"\0" * 100, b"PK\5\6" + b"\0" * 18):
        yield of(prefix=junk)
        yield of(suffix=junk)
    for text in (b"", b"[]", b"null", b"{", b"\xff", b'{"format": 3}', b"[" * 10**5, b"1" * 5000,
                 b'{"format": 1e999}', b" " * 2**22 + b"{}"):  # fmt: skip
        yield of(text=text)
    yield of(members=lambda m: m[::-1])
    yield of(members=lambda m: m[1:])
    yield of(members=lambda m: [*m, m[-1]])
    yield of(members=lambda m: [*m, ("/etc/passwd", b"x")])
    yield of(members=lambda m: [*m, ("../../up.npy", b"x")])
    heads = [
        b"", b"\x93NUMPY", b"\x93NUMPY\2\0\xff\xff\xff\xff", b"\x93NUMPY\1\0\xff\xff", CODE,
        b"\x93NUMPY\3\0\x10\0\0\0" + b" " * 16, b"\x93NUMPY\1\0\x76\0" + b"__import__('os')" * 7,
    ]  # fmt: skip
    for shape in ("(10000000000,)", "(-1,)", "(1,)*9**9", "()", "(2, 'x')", "None"):
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
        heads.append(b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head)
    for head in heads:
        yield of(members=lambda m, h=head: [m[0], (m[1][0], h + m[1][1][len(h) :]), *m[2:]])
        yield of(members=lambda m, h=head: [m[0], (m[1][0], h), *m[2:]])
    for at in range(22):  # each byte of the end
        torn = bytearray(whole)
        torn[len(whole) - 22 - 72 + at] ^= 0xFF
        yield bytes(torn)
    for at in range(0, 46, 1):  # each byte of the first entry of the directory
        torn = bytearray(whole)
        torn[whole.rindex(b"PK\1\2", 0, whole.index(b"PK\1\2") + 4) + at] ^= 0xFF
        yield bytes(torn)
    for size in (0, 1, 22, 100, len(whole) // 2, len(whole) - 1):
        yield whole[:size]
    yield b"x,y\n1,2\n" * 100
    yield npy(np.zeros(4))
    yield CODE
    yield zipped([(f"{k}.npy", b"") for k in range(70_000)], b"x")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", b"\0" * 2**24)
    yield bomb.getvalue()


def places(folder):
    """Paths that are not files, or are of 1 GB."""
    yield folder
    fifo = folder / "fifo"
    if hasattr(os, "mkfifo"):
        os.mkfifo(fifo)
        yield fifo
    for link, target in (("loop", "loop"), ("gone", "nothing"), ("zero", "/dev/zero")):
        with contextlib.suppress(OSError):  # Windows asks for a right
            (folder / link).symlink_to(target)
            yield folder / link
    yield pathlib.Path("/dev/null")
    yield pathlib.Path("/proc/self/mem")
    for name, end in (("sparse", b""), ("ended", zipped([], b"x")[-94:])):
        with open(folder / name, "wb") as file:
            file.truncate(2**30)
            file.seek(0, os.SEEK_END)
            file.write(end)
        yield folder / name


def contents(most=None, seed=0):
    """(a name, the bytes) of crafted files; `most` of them, drawn with a seed."""
    found = []
    for name, model in models().items():
        arrays = {n: a for n, (_, a) in tree.arrays(model).items()}
        manifest = {"format": archive.FORMAT, "minigen": "0", "model": tree.describe(model)}
        for lie in lies(manifest):
            found.append((f"{name}: lie", lambda lie=lie, a=arrays: forged(lie(), a)))
        for a in misshapen(arrays):
            found.append((f"{name}: array", lambda m=manifest, a=a: forged(m, a)))
        if name == "real_nvp":
            found += [(f"{name}: trick", lambda b=b: b) for b in tricks(manifest, arrays)]
    if most is not None and most < len(found):
        keep = np.sort(np.random.default_rng(seed).choice(len(found), most, replace=False))
        found = [found[k] for k in keep]
    return found


def outcome(path):
    """ "refused", "harmless", or what went wrong; and the seconds that `load` took."""
    begun = time.perf_counter()
    try:
        model = training.load(path)
        seconds = time.perf_counter() - begun
    except training.CheckpointError as error:
        named = str(path) in str(error) and len(str(error)) < 600 and error.file == str(path)
        return ("refused" if named else f"unnamed: {error}"), time.perf_counter() - begun
    except BaseException as error:
        return f"raw {type(error).__name__}: {error}", time.perf_counter() - begun
    try:
        with np.errstate(all="ignore"):
            probe(model)
        return "harmless", seconds
    except InvalidInput:
        return "harmless", seconds
    except BaseException as error:
        return f"runs wrong: {type(error).__name__}: {error}", seconds


def run(seed, count=None):
    """One row {campaign, trials, failed, refused, seconds, worst}; of `count` files, or of all."""
    failures, refused, slowest, trials = [], 0, 0.0, 0
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        path = folder / "crafted.npz"
        for name, make in contents(count, seed):
            try:
                path.write_bytes(make())
            except (ValueError, TypeError, KeyError, OverflowError):
                continue  # JSON or zip cannot say it
            what, seconds = outcome(path)
            trials, refused, slowest = (
                trials + 1,
                refused + (what == "refused"),
                max(slowest, seconds),
            )
            if what not in ("refused", "harmless"):
                failures.append(f"{name}: {what}")
        for other in places(folder):
            what, seconds = outcome(other)
            trials, slowest = trials + 1, max(slowest, seconds)
            if what != "refused":
                failures.append(f"{other}: {what}")
    return [{"campaign": "crafted checkpoints", "trials": trials, "failed": len(failures),
             "refused": refused, "worst": failures[:10],
             "note": f"slowest {slowest:.3f} s"}]  # fmt: skip
