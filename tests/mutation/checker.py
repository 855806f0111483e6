"""Mistakes in the checker itself, judged by the checker's tests."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from .copies import Planted

TESTS = {
    "check": "comparison evaluation shapes diagnosis report",
    "tolerance": "tolerance",
    "rows": "gradient_check adjoint_check",
    "reference": "complexstep reference richardson",
    "bijection": "bijection_check",
    "contract": "contract_rules contract_check",
    "probe": "probe",
}
OWN = {file: name for name, files in TESTS.items() for file in files.split()}


def planted(name, file, *pairs):
    """A mistake in a file, judged by that file's own tests first and then by the others."""
    edits = tuple(zip(pairs[::2], pairs[1::2], strict=True))
    order = sorted(TESTS, key=lambda t: t != OWN[file])
    words = ("test_check.py" if t == "check" else f"test_check_{t}.py" for t in order)
    return Planted(name, f"check/{file}.py", edits, " ".join([*words, "test_check_edges.py"]))


BANK = (
    planted("tolerance 1e-6 of the entry", "tolerance", "1e-12, 1e-14, 1e-8", "1e-6, 1e-14, 1e-8"),
    planted("tolerance 1e-8 of the scale", "tolerance", "1e-12, 1e-14, 1e-8", "1e-12, 1e-8, 1e-8"),
    planted("rounding explains 1 percent", "tolerance", "MOVE, DRAWS, SPREAD = 1e-15, 4, 4",
            "MOVE, DRAWS, SPREAD = 1e-8, 4, 4"),
    planted("nothing is wrong", "tolerance", "np.where(bad, State.WRONG, State.OK)",
            "np.where(bad, State.OK, State.OK)"),
    planted("no second look", "tolerance", "    if bad.any():\n        again", "    if False:\n        again"),
    planted("differences: 20 estimates are 2e7", "tolerance", "20 * comparison.error)", "2e7 * comparison.error)"),
    planted("never inconclusive", "tolerance", "known = comparison.error <= 1e-6 * level",
            "known = comparison.error >= 0"),
    planted("inconclusive is right", "tolerance", "State.INCONCLUSIVE)\n\n\ndef worst_of",
            "State.OK)\n\n\ndef worst_of"),
    planted("differences never contradict", "tolerance", "if yours == State.OK and step == State.WRONG:", "if False:"),
    planted("NaN is no gap", "comparison", "np.where(np.isfinite(gap), gap, np.nan)",
            "np.where(np.isfinite(gap), gap, 0.0)"),
    planted("cotangent left out of the reference", "comparison", "terms = v * s", "terms = 1.0 * s"),
    planted("first output only", "comparison", "return self.parts.sum(axis=0)", "return self.parts[0]"),
    planted("the same entries each time", "comparison",
            "flat = rng.choice(full.size, limit, replace=False)", "flat = range(limit)"),
    planted("scale a million times too large", "comparison", "return self.size.max(initial=0)",
            "return 1e6 * self.size.max(initial=0)"),
    planted("cotangents of ones", "probe",
            "rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.5, 2.0, y.shape)", "np.ones(y.shape)"),
    planted("cotangents of one sign", "probe", "rng.choice([-1.0, 1.0], y.shape) * ", ""),
    planted("no other forward pass in between", "evaluation",
            "dataclasses.replace(probe, inputs=elsewhere).forward()", "pass"),
    planted("parameters not moved", "probe", "new = {path: points[f\"params.{path}\"] for path in self.params}",
            "new = {path: self.params[path] for path in self.params}"),
    planted("a copy of the parameters accepted", "probe", "if array is not new[path]:", "if False:"),
    planted("step of 1e-3", "complexstep", "H = 1e-100", "H = 1e-3"),
    planted("imaginary part not taken back", "complexstep", "        imag[index] = 0\n", ""),
    planted("a lost imaginary part is no error", "complexstep", 'simplefilter("error"', 'simplefilter("ignore"'),
    planted("columns of the Jacobian add up", "complexstep", "        z.imag[..., d] = 0\n", ""),
    planted("a real result has derivative 0", "complexstep", "if not np.iscomplexobj(y):", "if False:"),
    planted("any forward pass is complex-clean", "reference", "AGREE = 1e-6", "AGREE = 1e3"),
    planted("blind outputs not seen", "reference", "                return BLIND\n", "                return CLEAN\n"),
    planted("always trusted", "reference", "reference.trusted = reason == CLEAN", "reference.trusted = True"),
    planted("extrapolation of order 1", "richardson", "(4.0**j - 1)", "(2.0**j - 1)"),
    planted("kinks not seen", "richardson", "np.where(kink, jump, error)", "error"),
    planted("no noise", "richardson", "rounding = noise(near) / h",
            "rounding = 0 / h"),
    planted("log-det against the other log-det", "bijection_check", "np.linalg.slogdet(J)[1], J_error)",
            "-logdet_back, J_error)"),
    planted("log-det of the inverse not compared", "bijection_check",
            'equal("logdet of inverse", logdet_back, np.linalg', 'equal("logdet of inverse", np.linalg.slogdet(K)[1], np.linalg'),
    planted("round trips to 1e-3", "bijection_check", "TOLERANCE = 1e-12", "TOLERANCE = 1e-3"),
    planted("round trip against itself", "bijection_check", "x_again, x, TOLERANCE", "x_again, x_again, TOLERANCE"),
    planted("gradients of the inverse left out", "bijection_check",
            "        rows += inverse_rows(back, rng)\n", "        pass\n"),
    planted("small entries are zeros", "bijection_check", "np.any(J != 0, axis=0)", "np.any(abs(J) > 0.1, axis=0)"),
    planted("any error means sequential", "bijection_check",
            "except NoInverseGradient as error:", "except TypeError as error:"),
    planted("an inverse without a cache accepted", "bijection_check",
            "if len(outputs) != 2:\n        return [not_three(\"inverse\"", "if False:\n        return [not_three(\"inverse\""),
    planted("small arrays drown", "adjoint_check", "/ s for name, s in scales.items()", "for name, s in scales.items()"),
    planted("adjoint never says where", "adjoint_check", "[together, *([] if single else", "[together, *([] if True else"),
    planted("shapes not compared", "shapes", "if shape != array.shape:", "if False:"),
    planted("types not compared", "shapes", "if dtype != array.dtype:", "if False:"),
    planted("a missing gradient is no fault", "shapes", "if not given:\n        return ", "if not given:\n        return None and "),
    planted("too many gradients are no fault", "shapes", "for name in yours if name not in points", "for name in ()"),
    planted("changes not seen", "contract_rules", "if array and not np.array_equal(a, after[name], equal_nan=True):", "if False:"),
    planted("differences not seen", "contract_rules", "if not np.all(np.abs(np.asarray(a) - after[name]) <= NEAR * top):", "if False:"),
    planted("caches in one order only", "contract_rules", "for order in ((0, 1), (1, 0)):", "for order in ((1,),):"),
    planted("nothing clips", "contract_rules", "for factor in (BIG, 1 / BIG):", "for factor in ():"),
    planted("zero is about zero", "contract_rules", "for name, g in grads.items() if np.any(g)), \"\")", "for name, g in grads.items() if np.any(abs(g) > 1)), \"\")"),
    planted("float64 in the cache allowed", "contract_rules", "if (kind := floating(a)) and kind != np.float32", "if (kind := floating(a)) and kind == np.float16"),
    planted("memory may be shared", "contract_rules", "if np.may_share_memory(a, p):", "if False:"),
    planted("rows may mix", "contract_rules", "if far({name: y}, {name: alone}):", "if False:"),
    planted("need not be frozen", "contract_rules", "if dataclasses.is_dataclass(layer) and not", "if False and not"),
    planted("diagnosis: minus is twice", "diagnosis", 'yield -1, Kind.SIGN', 'yield -3, Kind.SIGN'),
    planted("diagnosis: missing terms not tried", "diagnosis", '(-1, Kind.MISSING_TERM', '(-9, Kind.MISSING_TERM'),
    planted("diagnosis: anything explains", "diagnosis", "return bool(np.all(np.abs(yours - guess) <= near))", "return True"),
    planted("no directions for what is not sampled", "gradient_check", "    if large and all(", "    if False and all("),
    planted("extra gradients dropped", "gradient_check", "    rows += broken.values()\n", ""),
    planted("one right row makes a right report", "report", "return not self.failures", "return len(self.failures) < len(self.rows)"),
    planted("inconclusive counts as right", "report", "in (State.WRONG, State.INCONCLUSIVE)", "in (State.WRONG,)"),
    planted("equal numbers in a report", "report", "for figures in range(6, 18):", "for figures in range(2, 3):"),
)  # fmt: skip
