"""How the parts of layers of columns fit together, one rule a class."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.training import forms
from minigen.training.view import ANY, LARGE, RULES, Sizes, View, sizes


def linear(v: View) -> Sizes:
    n_in, n_out = v.shape("W", None, None)
    v.shape("b", n_out)
    return n_in, n_out


def masked(v: View) -> Sizes:
    n_in, n_out = linear(v)
    for name, n in (("below", n_in), ("above", n_out)):
        v.shape(name, n)
        v.whole(name, 0, LARGE)
        v.wants((np.diff(getattr(v, name)) >= 0).all(), name, "degrees that rise", "others")
    return n_in, n_out


def one_after_another(v: View, name: str = "layers") -> Sizes:
    first = last = None
    for k, (taken, given) in enumerate(v.of(name)):
        last = v.same(f"{name}.{k}", taken, last or None)  # 0 after a layer that flattens
        first = taken if first is None else first
        last = last if given is None else given
    return first, last


def of_maps(v: View) -> Sizes:
    """The rule of a map that is followed through its parts."""
    return forms.before(v.node, v.path, None), forms.after(v.node, v.path, None)


def columns(*names: str) -> Callable[[View], Sizes]:
    """The rule of a layer with arrays of one number for each column."""

    def rule(v: View) -> Sizes:
        D = v.shape(names[0], None)[0]
        for name in names:
            v.shape(name, D)
        return D, D

    return rule


def inner(name: str) -> Callable[[View], Sizes]:
    """The rule of a layer that takes and gives what one part of it does."""
    return lambda v: v.of(name)


def leaf(v: View) -> Sizes:
    return ANY


def affine(v: View) -> Sizes:
    v.wants((v.scale != 0).all(), "scale", "numbers that are not 0", v.scale.ravel()[:4])
    return columns("scale", "shift")(v)


def batchnorm(v: View) -> Sizes:
    return columns("s", "t")(v)


def whiten(v: View) -> Sizes:
    D, _ = columns("mean")(v)
    for name in ("mean", "L"):
        v.wants(getattr(v, name).dtype == np.float64, name, "float64", getattr(v, name).dtype)
    v.wants(np.isfinite(np.linalg.slogdet(v.L)[1]), "L", "a regular matrix", "a singular one")
    return D, D


def context_shift(v: View) -> Sizes:
    v.wants(v.context, "W", "a row for each column of context", v.W.shape)
    return v.W.shape[1], v.W.shape[1]


def invertible(v: View) -> Sizes:
    D, _ = columns("a", "sign")(v)
    v.shape("lower", D, D)
    v.shape("upper", D, D)
    v.wants((np.abs(v.sign) == 1).all(), "sign", "signs", v.sign.ravel()[:4])
    v.permutation("order", D or 0)
    return D, D


def permute(v: View) -> Sizes:
    D = v.shape("order", None)[0]
    v.permutation("order", D)
    return D, D


def coupling(parts: Callable[[View], int]) -> Callable[[View], Sizes]:
    """The rule of a coupling whose network gives so many numbers for each other column."""

    def rule(v: View) -> Sizes:
        taken, given = v.of("net")
        v.same("net", taken, v.d + v.context)
        if given is None:
            return ANY
        v.wants(given and given % parts(v) == 0, "net", f"{parts(v)} outputs a column", given)
        return (v.d + given // parts(v),) * 2

    return rule


def spline_parts(v: View) -> int:
    sizes(v.spline, v.place("spline"))
    return v.spline.parts


def column_splines(v: View) -> Sizes:
    D = v.shape("r", None, 3 * v.bins - 1)[0]
    return D, D


def made(v: View) -> Sizes:
    taken, given = one_after_another(v)
    D = len(v.order)
    v.permutation("order", D)
    each = max(1, ((taken or 0) - v.context) // max(D, 1))  # numbers of one coordinate
    v.same("layers.0", taken, D * each + v.context)
    v.same(f"layers.{len(v.layers) - 1}", given, D * v.parts)
    for below, f in itertools.pairwise(v.linears):
        v.wants(np.array_equal(f.below, below.above), "layers", "the same degrees", "others")
    first, below = v.linears[0].below, v.linears[-1].above
    last = np.repeat(np.arange(D), v.parts)
    inputs = np.concatenate([np.zeros(v.context, int), np.repeat(np.arange(1, D + 1), each)])
    v.wants(np.array_equal(first, inputs), "layers.0.below", "the degrees of the inputs", first[:4])
    v.wants(np.array_equal(below, last), "layers", "the degrees of the outputs", "others")
    return D, D * v.parts


def made_categorical(v: View) -> Sizes:
    D, _ = v.of("made")
    below = v.made.linears[0].below.size - v.made.context
    good = below == D * v.made.parts and v.made.parts > 1
    v.wants(good, "made.parts", f"the {below // (D or 1)} inputs of a column", v.made.parts)
    return D, D


def group_norm(v: View) -> Sizes:
    C = v.shape("scale", None)[0]
    v.shape("shift", C)
    v.wants(v.groups > 0 and C % v.groups == 0, "groups", f"a divisor of {C}", v.groups)
    return C, C


def attention(v: View) -> Sizes:
    C = v.same("out", v.of("out")[1], v.of("out")[0])
    v.same("qkv", v.of("qkv")[0], C)
    v.same("qkv", v.of("qkv")[1], 3 * (C or 0))
    v.wants(v.heads > 0 and C and C % v.heads == 0, "heads", f"a divisor of {C}", v.heads)
    return C, C


def transformer_block(v: View) -> Sizes:
    C, hidden = v.of("up")
    for name in ("norm1", "attention", "norm2"):
        v.same(name, v.of(name)[0], C)
    v.same("down", v.of("down")[0], hidden)
    v.same("down", v.of("down")[1], C)
    v.wants(v.norm1.groups == v.norm2.groups == 1, "norm1.groups", 1, v.norm1.groups)
    return C, C


def causal_transformer(v: View) -> Sizes:
    P, H = v.of("lift")
    v.shape("place", None, H)
    v.wants(len(v.condition) < 2, "condition", "one layer or none", len(v.condition))
    for name in ("condition", "blocks"):
        for k, (_, given) in enumerate(v.of(name)):
            v.same(f"{name}.{k}", given, H)
    for k, block in enumerate(v.blocks):
        v.wants(block.attention.causal, f"blocks.{k}.attention.causal", True, False)
    v.same("norm", v.of("norm")[0], H)
    v.wants(v.norm.groups == 1, "norm.groups", 1, v.norm.groups)
    v.same("head", v.of("head")[0], H)
    return P, v.of("head")[1]


def transformer_maf(v: View) -> Sizes:
    P, given = v.of("net")
    L, _ = v.shape("order", len(v.net.place), P)
    v.same("net.head", given, 2 * (P or 0))
    D = L * (P or 0)
    v.whole("order", 0, D - 1)
    v.wants(np.unique(v.order).size == D, "order", f"each of 0 .. {D - 1} once", "others")
    return D, D


def autoregressive(parts: Callable[[View], int | None]) -> Callable[[View], Sizes]:
    """The rule of a layer over a MADE with so many parameters for each column."""

    def rule(v: View) -> Sizes:
        D, _ = v.of("made")
        wanted = parts(v)
        v.wants(wanted in (None, v.made.parts), "made.parts", wanted, v.made.parts)
        return D, D

    return rule


def mixtures(v: View) -> None:
    v.wants(v.made.parts % 3 == 0, "made.parts", "a multiple of 3", v.made.parts)


def preprocess(v: View) -> Sizes:
    v.shape("like", 0)
    v.wants(v.like.dtype.kind == "f", "like", "floating numbers", v.like.dtype)
    return v.of("maps")


def gaussian(v: View) -> Sizes:
    D, _ = columns("mu", "a")(v)
    v.shape("lower", D, D)
    with np.errstate(over="ignore", under="ignore"):
        scale = np.exp(v.node.a)
    lost = ~np.isfinite(scale) | (scale == 0)
    v.wants(not lost.any(), "a", "numbers whose exp is a scale", v.node.a[lost][:4])
    return D, D


def standard_normal(v: View) -> Sizes:
    return v.features, v.features


def mixture(v: View) -> Sizes:
    parts = v.of("components")
    v.wants(parts, "components", "at least one", "none")
    v.shape("logits", len(parts))
    D = None
    for k, (taken, _) in enumerate(parts):
        D = v.same(f"components.{k}", taken, D)
    return D, D


def flow(v: View) -> Sizes:
    D, _ = v.of("base")
    out = forms.after(v.chain, v.place("chain"), D)
    v.wants(D is None or out in (None, D), "chain", f"{D} columns, as the base", out)
    widths = {v.node.chain.context, v.node.base.context} - {0}
    v.wants(len(widths) < 2, "chain", "the context of the base", sorted(widths))
    return D, D


def reverse_kl(v: View) -> Sizes:
    D = v.same("target", v.of("target")[0], v.of("flow")[0])
    return D, D


def residual(v: View) -> Sizes:
    H, out = v.of("linear")
    v.same("linear", out, H)
    return H, H


def time_embedding(v: View) -> Sizes:
    times, n = v.shape("table", None, None)
    v.wants(times > 1, "table", "a row for each time 0..T", f"{times} rows")
    v.same("first", v.of("first")[0], n)
    v.same("second", v.of("second")[0], v.of("first")[1])
    return None, v.of("second")[1]


def label_embedding(v: View) -> Sizes:
    rows, H = v.W.shape
    v.wants(rows > 1, "W", "a row for a class and one for none", f"{rows} rows")
    return None, H


def time_net(v: View) -> Sizes:
    D, H = v.of("lift")
    v.same("time", v.of("time")[1], H)
    v.wants(len(v.label) < 2, "label", "one embedding or none", len(v.label))
    for name in ("label", "blocks"):
        for k, (_, given) in enumerate(v.of(name)):
            v.same(f"{name}.{k}", given, H)
    v.same("head", v.of("head")[0], H)
    return D, v.of("head")[1]


def schedule(v: View) -> Sizes:
    n = v.shape("beta", None)[0]
    v.wants(n > 1, "beta", "a number for each time 0..T", n)
    for name in ("alpha", "alpha_bar", "one_minus_alpha_bar", "beta_tilde"):
        v.shape(name, n)
    beta = v.beta.astype(np.float64)
    v.wants(((beta[1:] > 0) & (beta[1:] < 1)).all() and beta[0] == 0, "beta", "0, then numbers"
            " between 0 and 1", beta[:4])  # fmt: skip
    log_A = np.cumsum(np.log1p(-beta))
    rest = -np.expm1(log_A)
    tilde = beta[1:] * rest[:-1] / rest[1:]
    tables = {"alpha": 1 - beta, "alpha_bar": np.exp(log_A), "one_minus_alpha_bar": rest,
              "beta_tilde": np.append(0.0, tilde)}  # fmt: skip
    for name, table in tables.items():
        good = np.allclose(getattr(v, name), table, rtol=1e-6, atol=1e-9)
        v.wants(good, name, "the table that follows from beta", "another")
    return ANY


def units(v: View) -> Sizes:
    v.wants((v.std > 0).all(), "std", "numbers above 0", v.std.ravel()[:4])
    return columns("mean", "std")(v)


def importance(v: View) -> Sizes:
    v.shape("p", None)
    v.wants((v.p >= 0).all() and abs(v.p.sum() - 1) < 1e-6, "p", "probabilities", v.p[:4])
    return ANY


def ideal(v: View) -> Sizes:
    v.of("schedule")
    K, D = v.shape("means", None, None)
    v.shape("logw", K)
    v.shape("vectors", K, D, D)
    v.shape("values", K, D)
    v.wants((v.values >= 0).all(), "values", "variances", v.values.ravel()[:4])
    return D, D


def guided(v: View) -> Sizes:
    known = classes_of(v.net)
    v.wants(known in (None, v.classes), "classes", known, v.classes)
    v.same("net", v.of("net")[0], v.features)
    return v.of("net")


def respaced(v: View) -> Sizes:
    n = v.shape("times", None)[0]
    v.whole("times", 0, times_of(v.net) or LARGE)
    v.wants(n > 1 and v.times[0] == 0 and (np.diff(v.times) > 0).all(), "times",
            "times that rise from 0", v.times[:4])  # fmt: skip
    return v.of("net")


def times_of(net: Any) -> int | None:
    """T of a network, where it has a number for each time."""
    if hasattr(net, "times"):
        return len(net.times) - 1
    if hasattr(net, "schedule"):
        return net.schedule.T
    inside = getattr(net, "net", None)
    table = getattr(getattr(net, "time", None), "table", None)
    return len(table) - 1 if table is not None else times_of(inside) if inside is not None else None


def classes_of(net: Any) -> int | None:
    """How many classes a network has embeddings for; None where that is not known."""
    if type(net).__name__ in ("GuidedNet", "RespacedNet"):
        return classes_of(net.net)
    label = getattr(net, "label", None)
    return None if label is None else len(label[0].W) - 1 if label else 0


def reverse(v: View) -> Sizes:
    v.of("schedule")
    taken, given = v.of("net")
    D = v.features
    v.same("net", taken, D)
    v.same("net", given, D * (2 if v.variance in ("learned", "free", "share") else 1))
    T = times_of(v.net)
    v.wants(T in (None, v.schedule.T), "schedule", f"{T} times, as the network", v.schedule.T)
    v.wants(v.levels != 1, "levels", "0 or at least 2", 1)
    v.wants(v.predict != "xt" and v.first > 0, "predict", "a prediction", v.predict)
    return D, D


def noise_and_share(v: View) -> Sizes:
    D = v.same("share", v.of("share")[1], v.of("net")[1])
    v.same("share", v.of("share")[0], v.of("net")[0])
    return v.of("net")[0], None if D is None else 2 * D


def ddpm(v: View) -> Sizes:
    D, _ = v.of("reverse")
    known = classes_of(v.reverse.net)
    v.wants(known in (None, v.classes), "classes", known, v.classes)
    if v.units is not None:
        v.same("units", sizes(v.units, v.place("units"))[0], D)
        v.wants(not v.reverse.levels, "units", "None for integer data", "units")
    for k, (taken, _) in enumerate(v.of("before")):
        v.same(f"before.{k}", taken, D)
    v.wants(not (v.reverse.levels and v.before), "before", "no maps for integer data", "maps")
    trained = sum(f.size for f in v.before)
    v.wants(not trained, "before", "maps without parameters", f"{trained} of them")
    return D, D


def diffusion_loss(v: View) -> Sizes:
    v.of("times")
    T = v.node.model.schedule.T
    v.wants(v.times.T == T, "times", f"{T} times", v.times.T)
    return v.of("model")


def tables(v: View) -> Sizes:
    v.of("schedule")
    return ANY


def categorical(v: View) -> Sizes:
    K = v.shape("start", None)[0]
    v.shape("logits", K, K)
    for name, rows in (("start", v.start[None]), ("logits", v.logits)):
        v.wants(K and np.isfinite(rows).any(axis=1).all(), name, "a probability above 0", "none")
    return ANY


def gaussian_chain(v: View) -> Sizes:
    D = v.shape("A", None, None)[0]
    v.shape("A", D, D)
    for name in ("noise", "start"):
        v.same(name, v.of(name)[0], D)
    return D, D


def embedding_loss(v: View) -> Sizes:
    taken, given = v.of("net")
    v.same("net", taken, v.features)
    if v.units is not None:
        v.same("units", v.of("units")[0], v.features)
    sizes(v.criterion, v.place("criterion"))
    return v.features, given


def integer_term(v: View) -> Sizes:
    v.wants(v.levels >= 2, "levels", "at least 2", v.levels)
    return tables(v) if hasattr(v.node, "schedule") else ANY


def plane(v: View) -> Sizes:
    v.wants(v.features == 2, "features", 2, v.features)
    return 2, 2


RULES |= {
    "Linear": linear, "LinearReLU": linear, "MaskedLinear": masked, "Sequential": one_after_another,
    "Tanh": leaf, "ReLU": leaf, "SiLU": leaf, "Softplus": leaf, "Exp": leaf, "Logit": leaf,
    "Normalize": leaf, "Spline": leaf, "Cumulate": leaf, "KLDiagonal": leaf, "TripletLoss": leaf,
    "InfoNCE": leaf,
    "Step": leaf, "StepDensity": leaf, "Marginal": leaf, "MarginalDensity": leaf,
    "Uniform": leaf, "Antithetic": leaf, "Importance": importance,
    "ResidualBlock": residual, "TimeEmbedding": time_embedding, "LabelEmbedding": label_embedding,
    "TimeNet": time_net, "Chain": of_maps, "Inverse": of_maps,
    "Picture": of_maps, "Squeeze": of_maps, "EachPixel": of_maps, "OnColumns": of_maps,
    "PictureCoupling": of_maps, "FactorOut": of_maps, "Whiten": whiten,
    "ContextShift": context_shift,
    "Preprocess": preprocess,
    "ActNorm": columns("s", "t"), "BatchNorm": batchnorm, "Affine": affine, "Permute": permute,
    "InvertibleLinear": invertible, "MADE": made,
    "AffineCoupling": coupling(lambda v: 2), "AdditiveCoupling": coupling(lambda v: 1),
    "SplineCoupling": coupling(spline_parts), "MAFLayer": autoregressive(lambda v: 2),
    "ColumnSplines": column_splines,
    "IAFLayer": autoregressive(lambda v: 2), "SplineMAFLayer": autoregressive(spline_parts),
    "MADEMoG": autoregressive(mixtures), "MADECategorical": made_categorical,
    "GroupNorm": group_norm, "SelfAttention": attention, "TransformerBlock": transformer_block,
    "CausalTransformer": causal_transformer, "TransformerMAFLayer": transformer_maf,
    "Flow": flow, "NLL": inner("density"),
    "ReverseKL": reverse_kl, "Ring": plane, "Wave": plane, "Gaussian": gaussian,
    "StandardNormal": standard_normal, "Mixture": mixture, "DiscretisedGaussian": integer_term,
    "Schedule": schedule, "Units": units, "IdealNoise": ideal, "GuidedNet": guided,
    "RespacedNet": respaced, "ReverseProcess": reverse, "DDPM": ddpm, "StepTerm": inner("reverse"),
    "BoundLoss": diffusion_loss, "SimpleLoss": diffusion_loss, "HybridLoss": diffusion_loss,
    "FlowMatchingLoss": inner("model"), "CovarianceMatchingLoss": diffusion_loss,
    "NoiseAndShare": noise_and_share, "Clock": leaf, "ClockLoss": inner("model"),
    "IntegralBound": inner("model"),
    "PriorTerm": tables, "GaussianTerm": tables, "IntegerTerm": integer_term, "Convert": tables,
    "Target": tables, "PosteriorMean": tables, "PosteriorDensity": tables,
    "CategoricalChain": categorical, "GaussianChain": gaussian_chain, "SequenceNLL": inner("chain"),
    "MinedTripletLoss": embedding_loss, "MinedTriplets": inner("triplet"),
    "BatchAll": inner("triplet"),
}  # fmt: skip
