"""Automatic mutants that no test finds, and why none should.

{file: {why: the changed lines as they then read}}. EQUIVALENT ones give the same numbers, up to
rounding, for every input that is allowed, or samples of the same law. CHOSEN ones change a number
of which no promise is made; they count against the tests. What else survives is a gap.
"""
# ruff: noqa: E501 (lines of source stand as they are)

EQUIVALENT = {
    "check/adjoint_check.py": {
        "the first case left none without any array": (
            "if together.verdict == OK or len(names) <= 1:",
        ),
        "of the three verdicts there are, in the order of the alphabet": (
            "if together.verdict >= OK or len(names) == 1:",
            "verdict = next(v for v in (WRONG, OPEN, OK) if np.any(verdicts <= v))",
        ),
        "where no term has a size, there is no gap": (
            "error = evidence.gap.max() / (evidence.scale or 2.0)",
        ),
        "the length of a direction in which nothing should change": (
            "scales = {name: max(size, least) or 2.0 for name, size in sizes.items()}",
        ),
        "what is not a number is wrong along a direction of any length": (
            "return size if np.isfinite(size) else -1.0",
            "return size if np.isfinite(size) else 1.0",
        ),
    },
    "check/bijection_check.py": {
        "differs only where a number is the tolerance to the last digit": (
            "sure = np.all(allowed < UNSURE * (1 + np.abs(expected)))",
            'if name.startswith("logdet") and np.all(np.abs(yours + expected) < allowed):',
        ),
        "the order is never longer than what is used": ("while len(order) != len(used):",),
    },
    "check/diagnosis.py": {
        "differs only where a number is the tolerance to the last digit": (
            "if abs(factor - number) <= 1e-9 * abs(number):",
            "if np.all(c.wrong.gap < 1e-5 * c.all.scale):",
        ),
        "for a single row the factors are 1, which is right, and -1, which is named before": (
            "if n > 0:",
            "if n >= 1:",
        ),
        "there is always a wrong entry": (
            'return f"always {factor:.6g} times the right one: a constant factor" if len(g) != 1 else ""',
        ),
        "some entry is the largest, and none is larger": (
            "several = np.sum(np.abs(c.all.yours) == top) != 1",
            "several = np.sum(np.abs(c.all.yours) >= top) > 1",
        ),
        "the lines of the wrong entries are some of all lines": (
            "if len(lines) != len({index[axis] for index in c.all.claim.where}):",
        ),
        "each output has a name and its parts": (
            "for name, part in zip(c.trial.names, c.wrong.parts, strict=False):",
            "for name, part, one in zip(c.trial.names, e.parts, e.ones, strict=False):",
        ),
    },
    "check/comparison.py": {
        "all of the entries in another order": ("if full.size >= limit:",),
        "all three have one entry for each output": (
            "for k, (v, s, e) in enumerate(zip(vs, slopes, errors, strict=False)):",
        ),
    },
    "check/gradient_check.py": {
        "of the three verdicts there are, in the order of the alphabet": (
            "if large and all(row.verdict >= OK for row in rows):",
            "if np.all(verdicts >= OK):",
            "verdict = WRONG if np.any(verdicts <= WRONG) else OPEN",
            "bad = verdicts <= verdict",
        ),
    },
    "check/tolerance.py": {
        "no gap is below 0, and one of 0 is not looked at again": (
            "return np.where(near, allowed(doubtful, scale) + SPREAD * spread, -1.0)",
        ),
        "the draws are read only if anything is near": (
            "for _ in range(DRAWS if near.any() else -1):",
            "for _ in range(DRAWS if near.any() else 1):",
        ),
        "the same law to first order, and the second is 1e-30": (
            "with oracle.moved(lambda a: a * (1 - MOVE * rng.standard_normal(a.shape))):",
            "with oracle.moved(lambda a: a / (1 + MOVE * rng.standard_normal(a.shape))):",
        ),
        "a size is never below 0": (
            "with oracle.moved(lambda a: a / max(1.0, np.abs(a).max(initial= -1) / INSIDE)):",
            "return -1.0 if outside or not np.isfinite(scale) else scale",
            "return int(np.argmax(np.where(bad, evidence.gap, - 2)))",
        ),
        "of the verdicts there are, only this one": (
            "bad = verdicts <= WRONG",
            "if yours >= OK and step == WRONG:",
            "if yours == OK and step <= WRONG:",
            'return "" if oracle.trusted or yours <= WRONG else UNSURE',
        ),
        "differs only where a gap is the tolerance to the last digit": (
            "bad[bad] = ~(again.gap < explained(again, evidence.scale, oracle, trial, rng))",
            "near = doubtful.gap < TINY * scale",
        ),
        "both have an entry for each output": (
            "for v, y in zip(trial.cotangents, trial.outputs, strict=False)",
        ),
    },
    "check/reference.py": {
        "of the names that are left, only this one": (
            'if method >= "richardson":',
            'if method >= "complex":',
            "oracle.trusted = reason <= CLEAN",
        ),
        "differs only where a gap is the tolerance to the last digit": (
            "if all(gap(d, s) < AGREE for d, s in zip(central[-1], slopes, strict=True)):",
        ),
        "both have an entry for each output": (
            "if all(gap(d, s) <= AGREE for d, s in zip(central[-1], slopes, strict=False)):",
            "if any(d.any() and not np.any(s) for d, s in zip(central[0], slopes, strict=False)):",
            "pairs = zip(real.values(u, h), real.values(u, -h), strict=False)",
        ),
        "a step along no direction": (
            "here = real.values({}, -1)",
            "here = real.values({}, 1)",
        ),
        "a size is never below 0": (
            "return size(d - s, 0.0) / (max(size(d, -1.0), size(s, 0.0)) or 1.0)",
            "return size(d - s, 0.0) / (max(size(d, 0.0), size(s, -1.0)) or 1.0)",
            "nearest = min(size(d - slope, -1.0) for d in central)",
            "spread = max(size(a - b, -1.0) for a in central for b in central)",
            "return nearest > 2 * max(spread, 4 * EPS * size(here, -1.0) / max(STEPS))",
        ),
        "0 divided by either is 0": (
            "return size(d - s, 0.0) / (max(size(d, 0.0), size(s, 0.0)) or 2.0)",
        ),
    },
    "check/contract_rules.py": {
        "a size is never below 0": (
            "top = max((np.abs(a).max(initial= -1) for a in before.values()), default=0)",
        ),
        "of no arrays none is compared": (
            "top = max((np.abs(a).max(initial=0) for a in before.values()), default= -1)",
            "top = max((np.abs(a).max(initial=0) for a in before.values()), default= 1)",
        ),
        "both have an entry for each output": (
            "both = subject.backward([v + u for v, u in zip(vs, us, strict=False)], cache)",
        ),
        "a number as small, or as large, does as well": ("for factor in (BIG, 2 / BIG):",),
        "where nothing has rows, one row is the whole": ("n = lengths[0] if lengths else 1",),
    },
    "check/richardson.py": {
        "NumPy takes any negative length for the one that is left over": (
            "h, here = steps.reshape(- 2, *[1] * (right.ndim - 1)), near[4]",
        ),
        "every evaluation has as many outputs": (
            "for k in range(len(near[ -1]))",
            "for k in range(len(near[ 1]))",
        ),
        "differs only where a jump is its tolerance to the last digit, and of no jump either is 0": (
            "kink = jump >= 1e-6 * np.abs(best) + 10 * rounding[-1]",
        ),
        "of two as good as each other, either": (
            "best, error = np.where(gap <= error, row[-1], best), np.fmin(gap, error)",
        ),
        "where no difference is a number, neither is sure": (
            "best, error, above = central[ -1], np.inf, []",
            "best, error, above = central[ 1], np.inf, []",
        ),
    },
    "check/probe.py": {
        "both have an entry for each input": (
            "for name, x in zip(names, inputs, strict=False)",
            'named = {f"d{name}": g for name, g in zip(self.inputs, dinputs, strict=False)}',
        ),
    },
    "core/numeric.py": {
        "what is infinite stays so": (
            "top = np.where(np.isfinite(top), top, 1).astype(x.real.dtype)",
            "top = np.where(np.isfinite(top), top, -1).astype(x.real.dtype)",
        ),
    },
    "core/tree.py": {
        "both have an entry for each leaf": (
            "for (path, a), end in zip(leaves.items(), ends, strict=False)",
        ),
    },
    "data/blurred.py": {
        "no weight is below 0": ("some = weights != 0",),
        "the same law: the noise is symmetric": (
            "return self._draw(n, rng) - self.noise * rng.standard_normal((n, 2))",
        ),
        "beyond 8 noises there is no mass, to rounding": (
            "return entropy_near(self._log_prob, centres, 9 * self.noise, self.noise / 3)",
        ),
        "a finer lattice than is needed": (
            "return entropy_near(self._log_prob, centres, 8 * self.noise, self.noise / 4)",
        ),
        "the length of a curve in six digits": (
            "c = self._curves(np.linspace(*self.interval, 1001))",
            "c = self._curves(np.linspace(*self.interval, 999))",
        ),
        "more nodes than are needed": (
            "n = 2 * int(np.ceil( 16 + 2.5 * (self._length() + 2) / self.noise))",
            "n = 2 * int(np.ceil(15 + 2.5 * (self._length() + 3) / self.noise))",
            "n = 2 * int(np.ceil(15 + 3.5 * (self._length() + 2) / self.noise))",
            "n = 3 * int(np.ceil(15 + 2.5 * (self._length() + 2) / self.noise))",
        ),
        "NumPy takes any negative length for the one that is left over": (
            "return curves.reshape(- 2, 2), weights",
            "return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(- 2, 2)",
        ),
        "the arrays that are stacked have one axis": (
            "c = np.stack([np.cos(t) - 0.5, np.sin(t) - 0.25], axis=1)",
            "c = (t / np.pi)[:, None] * np.stack([-np.cos(t), np.sin(t)], axis=1)",
            "return (t / (1.5 * np.pi))[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1)[None]",
            "return self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)",
        ),
    },
    "data/checkerboard.py": {
        "the arrays that are stacked have one axis": (
            "corner = np.stack([column, 2 * half + column % 2], axis=1) - 2",
        ),
        "a remainder is never below 0": (
            "black = (cell.sum(axis=1) % 2 <= 0) & (np.abs(cell + 0.5) < 2).all(axis=1)",
        ),
        "the middle of a cell is never 2 from the middle of the board": (
            "black = (cell.sum(axis=1) % 2 == 0) & (np.abs(cell + 0.5) <= 2).all(axis=1)",
        ),
    },
    "data/concentric.py": {
        "beyond 8 noises there is no mass, to rounding": (
            "return radial_entropy(self._log_prob, self.radii, 10 * self.noise)",
            "return radial_entropy(self._log_prob, self.radii, 8 * self.noise)",
        ),
        "the same law: the noise is symmetric": (
            "return radii[:, None] * circle - self.noise * rng.standard_normal((n, 2))",
        ),
        "the arrays that are stacked have one axis": (
            "circle = np.stack([np.cos(t), np.sin(t)], axis=1)",
        ),
    },
    "data/discrete.py": {
        "no number is below low and above high": (
            "wrong = (np.floor(x) != x) | (x < low) ^ (x > high)",
        ),
        "no number is below its floor": ("wrong = (np.floor(x) < x) | (x < low) | (x > high)",),
        "of the kinds of numbers allowed, only this one": (
            'x = x if x.dtype.kind <= "f" else x.astype(np.float64)',
        ),
    },
    "data/quadrature.py": {
        "numbers in memory at a time": (
            "CHUNK = 2** 15  # numbers in a table of points by centres: half a megabyte",
            "CHUNK = 2** 17  # numbers in a table of points by centres: half a megabyte",
            "return np.array_split(x, 1 + len(x) + columns // CHUNK)",
            "return np.array_split(x, 2 + len(x) * columns // CHUNK)",
            "for part in np.array_split(xs, 1 + len(xs) * len(ys) // 2** 17):",
            "for part in np.array_split(xs, 1 + len(xs) * len(ys) // 2** 19):",
            "for part in np.array_split(xs, 1 + len(xs) * len(ys) // 2/18):",
            "for part in np.array_split(xs, 1 + len(xs) + len(ys) // 2**18):",
            "for part in np.array_split(xs, 2 + len(xs) * len(ys) // 2**18):",
        ),
        "np.array_split takes the whole part": (
            "return np.array_split(x, 1 + len(x) * columns / CHUNK)",
            "for part in np.array_split(xs, 1 + len(xs) * len(ys) / 2**18):",
        ),
        "np.fft.irfft leaves out what is more than half of n": (
            "w = np.fft.irfft(2 / (1 - np.arange(0, n + 2, 2.0) ** 2), n)",
        ),
        "the same nodes backwards, and their weights are symmetric": (
            "return low + half * (1 + np.cos(np.pi * np.arange(n + 1) / n)), half * w",
        ),
        "either adds nothing to a sum that is 1 or more": (
            "np.maximum(table, - 699, out=table)  # numbers below the smallest normal one are slow",
            "np.maximum(table, - 701, out=table)  # numbers below the smallest normal one are slow",
        ),
        "the array has one column": (
            "return top[:, -1] + np.log(np.exp(table, out=table).sum(axis=1))",
        ),
        "both have two entries": (
            "xs, ys = (np.arange(a, b + step, step) for a, b in zip(low, high, strict=False))",
        ),
        "NumPy takes any negative length for the one that is left over": (
            'yield np.stack(np.meshgrid(part, ys, indexing="ij"), axis=-1).reshape(- 2, 2)',
        ),
        "the array has one entry": ("logp = log_prob(np.array([[r, 0.0]]))[ -1]",),
        "the other of the two bounds is met": (
            "pieces = [quad(integrand, a, b, epsabs= -0.99999999999, epsrel=1e-11)[0] for a, b in pairwise(edges)]",
            "pieces = [quad(integrand, a, b, epsabs=1e-11, epsrel= -0.99999999999)[0] for a, b in pairwise(edges)]",
        ),
    },
    "data/transported.py": {
        "the same law: the noise is symmetric": (
            "z[:, 1] = self.correlation * z[:, 0] - self._across * z[:, 1]",
        ),
        "the blades turned the other way round are the same blades": (
            "v = rotated(u[:, None, :], self._angles)",
        ),
        "beyond 8 lengths or thicknesses there is no mass, to rounding": (
            "along = 2 + self.length * np.linspace(- 10, 9, 200)",
            "along = 2 + self.length * np.linspace(- 8, 9, 200)",
            "along = 2 + self.length * np.linspace(-9, 10, 200)",
            "along = 2 + self.length * np.linspace(-9, 8, 200)",
            "return entropy_near(self._log_prob_straight, spine, 9 * self.thickness, step)",
        ),
        "as dense, for the reach around each point": (
            "along = 2 + self.length * np.linspace(-9, 9, 199)",
            "along = 2 + self.length * np.linspace(-9, 9, 201)",
        ),
        "the same points backwards": ("along = 2 - self.length * np.linspace(-9, 9, 200)",),
        "the arrays that are stacked have one axis": (
            "blade = np.stack([along, np.zeros_like(along)], axis=1)",
        ),
        "NumPy takes any negative length for the one that is left over": (
            "spine = rotated(blade[:, None], self._angles).reshape(- 2, 2)",
        ),
        "a finer lattice than is needed": ("step = min(self.length, self.thickness) / 4",),
    },
    "diffusion/elbo.py": {
        "t is never above T": ("if t != T:",),
        "there is at least one row": (
            'return float(np.std(values, dtype=np.float64) / np.sqrt(n - 1)) if n != 1 else float("nan")',
        ),
    },
    "diffusion/factory.py": {
        "differs only where the gap is a hundredth to the last digit": (
            "if schedule.prior_gap >= 0.01:",
        ),
    },
    "diffusion/forward.py": {
        "the array has one column": (
            "dA = (dy * x0).sum(axis=1) / (2 * signal[:, -1])  # DIF-11",
            "dA = -(dr * x0).sum(axis=1) / (2 * signal[:, -1])",
            "drest = (dy * eps).sum(axis=1) / (2 * noise[:, -1])",
            "dbeta += (dr * x).sum(axis=1) / (2 * keep[:, -1])",
        ),
    },
    "diffusion/gaussian.py": {
        "of the three names allowed, only this one": ('if variance >= "exact":',),
        "t is at least 1": (
            "sigma2 = (first or beta) if t <= 1 else getattr(schedule, variance)[t]",
            "if t <= 1:",
        ),
    },
    "diffusion/guidance.py": {
        "no times twice are no times": ("t = t if len(t) <= 1 else np.concatenate([t, t])",),
    },
    "diffusion/losses.py": {
        "the same law, to one number in 2^53": (
            "dropped = rng.random(len(label)) <= model.dropped",
        ),
    },
    "diffusion/model.py": {
        "a batch is data, or data and one label each": (
            "labels = label[ -1].astype(int) if label else None",
        ),
        "no length is below 0": ("if len(x) <= 0:",),
        "no time is below 1": ("first = self.first if times[1] <= 1 else float(short.beta[1])",),
        "of the names that are left, only this one": (
            'if sampler >= "ode":',
            'elif sampler >= "ddim":',
        ),
        "there are never more steps than T": (
            "short = model if steps >= self.schedule.T else model.respaced(steps)",
        ),
        "no number is below 0 and at or above the count": (
            "bad = (value != np.round(value)) | (value < 0) ^ (value >= count)",
        ),
    },
    "diffusion/network.py": {
        "the rows of the times are 1 or N": ("if rows < len(de):",),
        "there is one for each": ("for f, c in zip(self.label, known, strict=False):",),
    },
    "diffusion/ode.py": {
        "of the names that are left, only this one": (
            'if kind <= "eps":',
            'if kind >= "x0":',
        ),
        "from t = 1 on the factor is one": (
            "if t <= 1:",
            "if t != 1:",
            "if t < 2:",
        ),
    },
    "diffusion/oracle.py": {
        "no number of axes is below 0": (
            "S = np.broadcast_to(np.multiply(covariances, np.eye(D)) if np.ndim(covariances) <= 0",
        ),
        "the array has one column": (
            "return self.means[k] + (self.vectors[k] @ z[:, :, None])[:, :, -1]",
        ),
        "the same law: the noise is symmetric": (
            "return self.means[k] - (self.vectors[k] @ z[:, :, None])[:, :, 0]",
        ),
    },
    "diffusion/sampler.py": {
        "a standard deviation is never below 0": ("if fresh != 0:",),
        "both have one entry for each step": (
            "for t, s in zip(times[::-1], [*times[:-1][::-1], 0], strict=False):",
        ),
    },
    "diffusion/schedule.py": {
        "of the numbers allowed, only this one": (
            "betas = np.linspace(low, high, T) if T != 1 else np.array([high])",
            "return np.linspace(T if steps <= 1 else 1, T, steps).round().astype(int)",
        ),
        "no length is below 0": ("if betas.ndim != 1 or len(betas) <= 0:",),
        "0 divided by either is 0": (
            "tilde = beta * rest[before] / np.where(t > 0, rest[t], 2)",
            "tilde = beta * rest[before] / np.where(t > 1, rest[t], 1)",
        ),
        "no time is below 0": ("tilde = beta * rest[before] / np.where(t != 0, rest[t], 1)",),
        "where the two are equal both ways keep as many digits": (
            "return alpha, np.where(rest[t] <= A[s], (rest[t] - rest[s]) / A[s], 1 - alpha)",
        ),
        "five of each": (
            "return Schedule(*(np.append(s, c) for s, c in zip(starts, columns, strict=False)))",
        ),
    },
    "diffusion/terms.py": {
        "a variance is never below 0": (
            "c = np.where(tilde > 0, -1 - np.log(np.where(tilde != 0, tilde, 1)), LOG_2PI)",
            "c = np.where(tilde != 0, -1 - np.log(np.where(tilde > 0, tilde, 1)), LOG_2PI)",
        ),
        "where tilde is 0 the logarithm is not used": (
            "c = np.where(tilde > 0, -1 - np.log(np.where(tilde > 0, tilde, 2)), LOG_2PI)",
        ),
        "there is no t below 1": ("k = np.flatnonzero(np.broadcast_to(t, len(xt)) <= 1)",),
        "three of each": ("for whole, part in zip((dx0, dmu, dlogvar), parts, strict=False):",),
    },
    "diffusion/variance.py": {
        "of the names that are left, only this one": (
            'if kind >= "learned":',
            'if kind <= "beta":',
            'if kind <= "beta_tilde":',
        ),
    },
    "diffusion/weights.py": {
        "the array has one column": (
            "logvar = log_variance(model.variance, low, high, None)[0][:, -1]",
            "return q[:, -1] ** 2 * np.exp(-logvar) / 2, model.features / 2 * C",
        ),
    },
    "flows/actnorm.py": {
        "a standard deviation is never below 0": ("s = -np.log(np.where(std != 0, std, 1))",),
    },
    "flows/chain.py": {
        "tuples of one": (
            "return (total[0] + part[ -1],)",
            "return (total[ -1] + part[0],)",
        ),
        "both have an entry for each layer": (
            "for k, (f, point) in enumerate(zip(self.layers, reversed(points), strict=False)):",
        ),
    },
    "flows/degrees.py": {
        "of the names that are left, only this one": (
            'return np.arange(features)[:: -1 if order >= "reversed" else 1].copy()',
        ),
        "no array of another shape is equal": (
            "if order.shape < (features,) or not np.array_equal(np.sort(order), np.arange(features)):",
        ),
        "there is at least one": ("low = 0 if context or features <= 1 else 1",),
        "the last entry once more": ("return np.searchsorted(degrees, np.arange(features + 3))",),
    },
    "flows/elementwise.py": {
        "a standard deviation is never below 0": ("scale = 1 / np.where(std != 0, std, 1)",),
    },
    "flows/energies.py": {
        "the same two arcs in the other order": (
            "a = (x[:, :1] + np.array([-2, 2], x.real.dtype)) / 0.6",
        ),
        "of the names that are left, only this one": (
            'if self.kind >= "wave":',
            'if self.kind <= "split":',
            'return Ring() if name <= "ring" else Wave(name)',
        ),
    },
    "flows/factories.py": {
        "there are at least two": ("if k % 2 or features <= 2:",),
    },
    "flows/flow.py": {
        "of the two names allowed, only this one": ("if self.runs >= NORMALIZING:",),
    },
    "flows/linear.py": {
        "the diagonal of L is one": (
            'u = scipy.linalg.solve_triangular(L, v.T, trans="T", lower=True, unit_diagonal=False).T',
            "dv = scipy.linalg.solve_triangular(L, du.T, lower=True, unit_diagonal=False).T  # u = v L^-1",
        ),
        "the diagonals of `lower` and `upper` are not read, and L has nothing above": (
            "strict = np.tril(L, - 0).astype(dtype), np.triu(U, 1).astype(dtype)",
            "strict = np.tril(L, 1).astype(dtype), np.triu(U, 1).astype(dtype)",
            "strict = np.tril(L, -1).astype(dtype), np.triu(U, 0).astype(dtype)",
        ),
        "a sign is its own inverse": ("da = np.diag(dU) / self.sign * np.exp(self.a) + dlogdet",),
    },
    "flows/losses.py": {
        "of the two names allowed, only the other": ('if self.flow.runs > "generative":',),
    },
    "flows/made.py": {
        "of the four names allowed, only this one": (
            'gain, spread = (1.0 if activation >= "tanh" else 2.0), 1.0',
            'how = {"gain": gain, "spread": spread, "rectified": activation <= "relu"}',
        ),
        "a mask is of zeros and ones": ("return (self.M <= 0).sum(axis=1)",),
        "both have an entry for each layer": (
            "pairs = zip(self.layers, (*self.layers[1:], None), strict=False)",
        ),
    },
    "flows/made_mog.py": {
        "there is at least one component": ("b[:, 1] = np.linspace(-2, 2, K) if K != 1 else 0",),
        "the arrays of one coordinate have two axes": (
            "k = (np.cumsum(np.exp(logpi), axis=-1)[:, :-1] < u[:, None]).sum(axis=1)",
            "k = (np.cumsum(np.exp(logpi), axis=1)[:, :-1] < u[:, None]).sum(axis=-1)",
        ),
        "the same law: the noise is continuous and symmetric": (
            "k = (np.cumsum(np.exp(logpi), axis=-1)[:, :-1] <= u[:, None]).sum(axis=-1)",
            "return mu[rows, k] - np.exp(alpha[rows, k]) * eps, np.zeros_like(eps)  # MAF-2",
        ),
    },
    "flows/normalizer.py": {
        "NumPy takes any negative length for the one that is left over": (
            'grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(- 2, 2)',
        ),
    },
    "flows/permute.py": {
        "np.roll drops the half of an odd width": (
            "return cls(np.roll(np.arange(features), -(features / 2)))",
        ),
    },
    "flows/sequential.py": {
        "rows in memory at a time": (
            "ROWS = 1023  # rows done at once, for the memory of large samples",
            "ROWS = 1025  # rows done at once, for the memory of large samples",
        ),
        "the size of a block: the same sums in another order": (
            "UNITS = 63  # hidden units of one block of degrees",
            "UNITS = 65  # hidden units of one block of degrees",
            "widest = max((s[- 2] for s in made.starts[1:-1]), default=made.features)",
            "widest = max((s[-1] for s in made.starts[ 0:-1]), default=made.features)",
            "widest = max((s[-1] for s in made.starts[ 2:-1]), default=made.features)",
            "widest = max((s[-1] for s in made.starts[1:- 0]), default=made.features)",
            "widest = max((s[-1] for s in made.starts[1:- 2]), default=made.features)",
            "widest = max((s[-1] for s in made.starts[1:1]), default=made.features)",
            "step = max( 2, UNITS * made.features // widest)",
            "step = max(1, UNITS * made.features * widest)",
            "step = max(1, UNITS * made.features + widest)",
            "step = max(1, UNITS * made.features - widest)",
            "step = max(1, UNITS + made.features // widest)",
            "step = max(1, UNITS - made.features // widest)",
        ),
        "both have an entry for each masked layer": (
            "for k, (f, activation) in enumerate(zip(made.linears, made.activations, strict=False)):",
        ),
    },
    "flows/spline.py": {
        "NumPy takes any negative length for the one that is left over": (
            "flat = [np.ascontiguousarray(a).reshape(- 2) for a in (x, dy, dell)]",
            "t = np.tanh(r.reshape(- 2, self.parts) / self.c)",
            "flat = np.ascontiguousarray(x, dtype).reshape(- 2)",
        ),
        "one copy more": ("y, slope = map(flat, e.astype(dtype, copy=True), self.bound)",),
    },
    "kernels/activation.py": {
        "0 times either is 0": ("return x * (x.real >= 0)",),
        "0 is 0 by either branch": ("b[i] = zero if a[i] < zero else a[i]  # a NaN stays a NaN",),
        "there tanh is 1 in single precision": (
            "t = one if x > end else -one if x <= -end else t",
            "t = one if x >= end else -one if x < -end else t",
        ),
    },
    "kernels/dense.py": {
        "the product is the same by either way": (
            "return outer(x, W) if x.shape[1] == len(W) == 1 and x.dtype > W.dtype else x @ W",
            "return outer(x, W) if x.shape[1] == len(W) == 1 and x.dtype >= W.dtype else x @ W",
        ),
        "there is one column, and one row": (
            "y[i, j] = x[i, -1] * W[0, j]",
            "y[i, j] = x[i, 0] * W[ -1, j]",
        ),
        "0 times either is 0": ("a *= a.real >= 0",),
        "0 is 0 by either branch": ("a[i, j] = zero if y < zero else y  # a NaN stays a NaN",),
    },
    "kernels/mining.py": {
        "columns at a time": (
            "BLOCK = 129",
            "BLOCK = 127",
        ),
        "no key is below 0": (
            "none, top = key.dtype.type(- 2), key.dtype.type(np.iinfo(key.dtype).max)",
            "pos = np.where(same, key, - 2).argmax(axis=1)",
        ),
        "the matrix is symmetric": (
            "return np.where(same.any(axis=1), pos, -1), np.where(other.any(axis= 0), neg, -1)",
            "return np.where(same.any(axis= 0), pos, -1), np.where(other.any(axis=1), neg, -1)",
        ),
        "none is beyond the farthest": (
            "if max(key[i, j], zero) >= farthest and label[j] == label[i] and j != i:",
        ),
        "none is before the nearest": (
            "if max(key[i, j], zero) <= nearest and label[j] != label[i]:",
        ),
        "NumPy takes any negative length for the one that is left over": (
            "return np.array(rows, np.int64).reshape(- 2, 3)",
        ),
        "more rows than are filled": (
            "rows, count = np.empty((np.sum(label[:, None] <= label) - n, 3), np.int64), 0",
            "rows, count = np.empty((np.sum(label[:, None] >= label) - n, 3), np.int64), 0",
            "rows, count = np.empty((np.sum(label[:, None] == label) * n, 3), np.int64), 0",
            "rows, count = np.empty((np.sum(label[:, None] == label) + n, 3), np.int64), 0",
        ),
        "nothing is above the top": ("if nearest != top:",),
    },
    "kernels/spline.py": {
        "k counts up by one": ("while k != K - 1 and xk + w <= x[m]:",),
        "k is never below 0": ("d0 = e[m, 2 * K + k - 1] if k != 0 else 1.0",),
        "what stands outside is not read": ("s, theta = h / w, np.where(inside, (x - xk) / w, 1)",),
        "a third of 3K + 1 is K, too": ("M, K = len(x), (e.shape[1] + 2) // 3",),
        "0 is 0 by either branch": (
            "theta = 2 * c / (-b - np.sqrt(np.where(root.real >= 0, root, 0)))",
        ),
        "the place of the last height, which is written later": ("if k >= 0:",),
    },
    "kernels/triangular.py": {
        "the same product in other panels": (
            "count = max( 2, min(8, n_above // 48))",
            "count = max(1, min( 7, n_above // 48))",
            "count = max(1, min( 9, n_above // 48))",
            "count = max(1, min(8, n_above * 48))",
            "count = max(1, min(8, n_above + 48))",
            "count = max(1, min(8, n_above - 48))",
            "count = max(1, min(8, n_above // 47))",
            "count = max(1, min(8, n_above // 49))",
        ),
    },
    "markov/categorical.py": {
        "the rows of P^T - 1 sum to 0: without the last the rank is the same": (
            "if np.linalg.matrix_rank(system[:- 2]) < K - 1:",
        ),
        "the sums are 1 up to rounding, and divided columns have the same rank as divided rows": (
            "P /= P.sum(axis=1, keepdims=False)  # the rank tells what float32 would blur",
        ),
    },
    "markov/closed.py": {
        "deviations from a mean sum to 0": (
            "return Gaussian.from_moments(mean, (x + mean).T @ (x - mean) / len(x), dtype=dtype)",
            "return Gaussian.from_moments(mean, (x - mean).T @ (x + mean) / len(x), dtype=dtype)",
        ),
        "the array has one row": (
            "return CategoricalChain.of(shares(first[None])[ -1], shares(count), dtype=dtype)",
            "p = shares((first + count.sum(axis=0) - extra)[None])[ -1]",
        ),
        "no count is below 0": (
            "return np.where(total != 0, count / np.where(total > 0, total, 1), 1 / count.shape[1])",
            "return np.where(total > 0, count / np.where(total != 0, total, 1), 1 / count.shape[1])",
        ),
        "where the total is 0, shares are equal whatever this is": (
            "return np.where(total > 0, count / np.where(total > 0, total, 2), 1 / count.shape[1])",
        ),
    },
    "markov/gaussian.py": {
        "the array has one column": ("return out[:, :, -1] if self.features == 1 else out",),
        "sequences have two axes at least": (
            "x = x[:, :, None] if x.ndim <= 2 and self.features == 1 else x",
        ),
        "a vector has one number at least": (
            "x = x[:, :, None] if x.ndim == 2 and self.features <= 1 else x",
            "return out[:, :, 0] if self.features <= 1 else out",
        ),
        "a copy of the same numbers": ("out = np.stack(x, axis=1).astype(self.dtype, copy=True)",),
    },
    "markov/sequences.py": {
        "all sequences have the same shape beyond their length": (
            "out = np.zeros((len(rows), lengths.max(), *rows[ -1].shape[1:]), np.result_type(*rows))",
        ),
        "no length is below 1 and above n": (
            'if lengths.dtype.kind not in "iu" or np.any((lengths < 1) ^ (lengths > x.shape[1])):',
        ),
    },
    "metric/collapse.py": {
        "no count is below 0": ("some = count != 0",),
        "of the two names allowed, only this one": (
            'squared, m = loss.triplet.distance >= "squared", loss.triplet.plateau',
            'cost = (total / np.where(some & (loss.triplet.reduce >= "sum"), count, 1))[some].mean()',
        ),
    },
    "metric/distance.py": {
        "of the two names allowed, only this one": ('if distance >= "squared":',),
        "0 divided by either is 0": ("return d, apart / np.where(apart, d, 2)",),
        "a distance is never below 0": ("apart = d.real != 0",),
    },
    "metric/every.py": {
        "valid triplets come in pairs: anchor and positive may be exchanged": (
            'return {"active": active / max(valid, 2), "triplets": valid}',
        ),
    },
    "metric/jitter.py": {
        "the same law: the noise is symmetric": (
            "return scale * np.stack(turned) - move + (self.side - 1) / 2",
        ),
        "no other kind before f is let in": (
            'x = x if x.dtype.kind <= "f" else x.astype(np.float32)',
        ),
        "NumPy takes any negative length for the one that is left over": (
            "return bilinear(x.reshape(- 2, self.side, self.side), row, column).reshape(x.shape)",
            "framed = np.pad(image, ((0, 0), (1, 2), (1, 2))).reshape(n, - 2)",
            "r, c = np.indices((self.side, self.side)).reshape(2, 1, - 2) - (self.side - 1) / 2",
        ),
        "one more row of zeros, which is not read": (
            "framed = np.pad(image, ((0, 0), (1, 3), (1, 2))).reshape(n, -1)",
        ),
    },
    "metric/mined.py": {
        "of the three names allowed, only this one": ('every = mining <= "batch_all"',),
    },
    "metric/mining.py": {
        "of the three names allowed, only this one": (
            'if mining <= "batch_all":',
            'if mining >= "semi_hard":',
        ),
        "of the two types there are, only this one": (
            "key = d.view(np.int32 if d.dtype <= np.float32 else np.int64)",
        ),
    },
    "metric/normalize.py": {
        "an absolute value is never below 0": (
            "scale = np.max(np.sign(x.real) * x.real, axis=1, keepdims=True, initial= -1)",
            "scale = np.where(scale != 0, scale, 1)  # so that the squares neither over- nor underflow",
        ),
        "a length is never below 0": ("length = np.where(length.real != 0, length, 1)",),
        "0 divided by either is 0": (
            "scale = np.where(scale > 0, scale, 2)  # so that the squares neither over- nor underflow",
            "length = np.where(length.real > 0, length, 2)",
        ),
    },
    "metric/pca.py": {
        "more rows than are kept, in more memory": (
            "_, _, Vt = np.linalg.svd(x - mean, full_matrices=True)",
        ),
    },
    "metric/retrieval.py": {
        "rows in memory at a time": (
            "BLOCK = 511  # rows of the distance matrix in memory at a time",
            "BLOCK = 513  # rows of the distance matrix in memory at a time",
        ),
        "no number is below 0 and above n": (
            'if queries.dtype.kind not in "iu" or np.any((queries < 0) ^ (queries >= n)):',
        ),
    },
    "metric/sampler.py": {
        "both have P entries": (
            "for name, size in zip(rng.permutation(names)[:P], sizes, strict=False)",
        ),
        "more permutations than are kept": (
            "rounds = 2 + size // len(mine)",
            "rounds = 1 + size * len(mine)",
            "rounds = 1 + size + len(mine)",
        ),
    },
    "metric/selected.py": {
        "anchors, positives and negatives are as many": (
            "de = sum(scatter(d, r, n) for d, r in zip(drows, rows, strict=False))",
            'return {**self.triplet.metrics(triplet_cache), "triplets": len(rows[ -1])}',
            'return {**self.triplet.metrics(triplet_cache), "triplets": len(rows[ 1])}',
        ),
    },
    "metric/triplet.py": {
        "of the two names allowed, only this one": (
            'return 1 / max(count, 1) if self.reduce <= "mean" else 1.0',
        ),
    },
    "nn/activation.py": {
        "NumPy takes any negative length for the one that is left over": (
            "rows = x.reshape(- 2, x.shape[-1])",
        ),
    },
    "nn/compose.py": {
        "of the four names allowed, only this one": (
            'gain = 1.0 if activation >= "tanh" else 2.0',
        ),
    },
    "nn/embed.py": {
        "the number of columns is even": ("w = 10000.0 ** (-2 * np.arange(n / 2) / n)",),
        "a copy of the same numbers": (
            "u, first = self.first.forward(wave.astype(self.table.dtype, copy=True))",
        ),
    },
    "nn/residual.py": {
        "the rows of the condition are 1 or N": (
            "de = du if rows >= len(du) else du.sum(axis=0, keepdims=True)",
        ),
    },
    "prob/discretized.py": {
        "another of two formulas that both hold to rounding near 0": (
            "left = (a + b).real < -1",
            "left = (a + b).real < 1",
            "left = (a + b).real <= 0",
            "right = low.real > 0",
            "right = low.real >= 1",
            "middle = np.where(outside.real <= 0.5, np.log1p(-outside), np.log(halves))",
        ),
        "both are 0": ("inner = np.where(d >= 0, at_a * fall, -at_b * fall)",),
        "a value that is not chosen below": (
            "outside = np.where(right, -1, far * np.exp(-high * high) + near * np.exp(-low * low)) / 2",
            "outside = np.where(right, 1, far * np.exp(-high * high) + near * np.exp(-low * low)) / 2",
            "inside = np.where(right, (near - far) * gone - np.expm1(-drop) * near, 2) / 2",
            "halves = np.where(right, 2, scipy.special.erf(high) + scipy.special.erf(-low)) / 2",
        ),
        "no number of the grid is halfway between two": (
            "first, last = x.real < h - 1, x.real >= 1 - h",
            "first, last = x.real <= h - 1, x.real > 1 - h",
        ),
        "no integer is both first and last": ("rise = np.where(first ^ last, at_b - at_a, inner)",),
    },
    "prob/gaussian.py": {
        "the same law, to one number in 2^64": (
            "bits = rng.integers( 1, 2**64, half, dtype=np.uint64).view(np.uint32)",
        ),
        "only the strict lower triangle counts, and L has nothing above": (
            "parts = mu, np.log(np.diag(L)), np.tril(L, - 0)",
            "parts = mu, np.log(np.diag(L)), np.tril(L, 1)",
        ),
        "the same law: the noise is symmetric": (
            "return self.mu - rng.standard_normal((n, self.features)) @ self.L.T",
        ),
    },
    "prob/mixture.py": {
        "the weights are made to sum to 1 again": (
            "w = np.exp(self.logits + logsumexp(self.logits)).astype(np.float64)",
        ),
        "all components have the same features": ("return self.components[ -1].features",),
    },
}

CHOSEN = {
    "check/tolerance.py": {
        "how often a point is moved, and a margin over what that moves": (
            "MOVE, DRAWS, SPREAD = 1e-15, 3, 4",
            "MOVE, DRAWS, SPREAD = 1e-15, 5, 4",
            "MOVE, DRAWS, SPREAD = 1e-15, 4, 3",
            "MOVE, DRAWS, SPREAD = 1e-15, 4, 5",
        ),
    },
    "check/reference.py": {
        "how many directions are tried": (
            "def unclean(oracle, subject, rng, directions= 2):",
            "def unclean(oracle, subject, rng, directions= 4):",
        ),
        "a margin over rounding": (
            "return nearest > 2 * max(spread, 3 * EPS * size(here, 0.0) / max(STEPS))",
            "return nearest > 2 * max(spread, 5 * EPS * size(here, 0.0) / max(STEPS))",
        ),
    },
    "check/richardson.py": {
        "the depth of a table that has converged before": (
            "LEVELS = 9",
            "LEVELS = 11",
        ),
        "a margin over rounding": (
            "kink = jump > 1e-6 * np.abs(best) + 9 * rounding[-1]",
            "kink = jump > 1e-6 * np.abs(best) + 11 * rounding[-1]",
            "kink = jump > 1e-6 * np.abs(best) + 10 * rounding[- 2]",
        ),
    },
    "data/blurred.py": {
        "nodes more than the curves there are need": (
            "n = 2 * int(np.ceil( 14 + 2.5 * (self._length() + 2) / self.noise))",
        ),
    },
    "diffusion/factory.py": {
        "a default: the caller may ask for another": (
            'features, schedule=None, *, hidden= 255, blocks=3, predict="v", variance="beta",',
            'features, schedule=None, *, hidden= 257, blocks=3, predict="v", variance="beta",',
            'features, schedule=None, *, hidden=256, blocks= 4, predict="v", variance="beta",',
        ),
    },
    "flows/normalizer.py": {
        "a default: the caller may ask for another": (
            "def log_normalizer(flow, target, n= 19999, *, rng):",
            "def log_normalizer(flow, target, n= 20001, *, rng):",
        ),
    },
    "kernels/activation.py": {
        "where tanh is taken for 1": (
            "one, half, end = np.float32(1), np.float32(0.5), np.float32( 8)",
        ),
    },
    "metric/mined.py": {
        "a default: the caller may ask for another": (
            'features, dims, *, rng, hidden=( 255, 256), activation="relu", margin=0.2, distance="squared",',
            'features, dims, *, rng, hidden=( 257, 256), activation="relu", margin=0.2, distance="squared",',
            'features, dims, *, rng, hidden=(256, 255), activation="relu", margin=0.2, distance="squared",',
            'features, dims, *, rng, hidden=(256, 257), activation="relu", margin=0.2, distance="squared",',
        ),
    },
    "metric/sampler.py": {
        "a default: the caller may ask for another": (
            "per_class: int = 15",
            "per_class: int = 17",
        ),
    },
    "prob/gaussian.py": {
        "where one way to draw becomes faster than another": (
            "MANY = 4095  # draws from which on vectorised functions win",
            "MANY = 4097  # draws from which on vectorised functions win",
            "if dtype != np.float32 or size <= MANY:",
        ),
    },
}
