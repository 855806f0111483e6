"""Defects of other packages, replanted here; the tests must find each of them again.

H1-H27 are failures reported in public issues; P1-P13 were found by reading packages.
"""
# ruff: noqa: E501 (edits of source lines stand as they are)

from .copies import Planted

INVERTED = "test_contract.py -k 'bijection and {}'".format
DERIVED = "test_contract.py -k 'gradients and {}'".format


planted = Planted.of


BANK = (
    planted("H1 sign of the inverse log-det of a MADE (pytorch-flows)", "flows/maf_layer.py", INVERTED("MAFLayer"),
            "+ h[:, 0], alpha  #", "+ h[:, 0], -alpha  #"),
    planted("H2 Logit runs one way whatever is asked (pytorch-flows)", "flows/elementwise.py", INVERTED("Logit"),
            "return (u - self.low) / self.slope, logdet, u", "return self.forward(u)[0], logdet, u"),
    planted("H3 BatchNorm inverted before it has statistics (pytorch-flows)", "flows/batchnorm.py", "test_batchnorm.py",
            "        raise validate.InvalidType(\n", "        return y, np.zeros(len(y)), None\n        raise validate.InvalidType(\n"),
    planted("H4 ActNorm initialises itself again (pytorch-flows)", "flows/actnorm.py", "test_flows.py",
            "        scaled = x * np.exp(self.s)\n",
            "        if not self.s.any() and len(x) > 1:\n            self.s[...] = -np.log(x.real.std(axis=0) + 1e-9)\n        scaled = x * np.exp(self.s)\n"),
    planted("H5 sign of the forward log-det (normflows)", "flows/coupling.py", INVERTED("AffineCoupling"),
            "# NVP-3, NVP-4\n        return y, ", "# NVP-3, NVP-4\n        return y, -"),
    planted("H6 sign of a spline's inverse log-det (flowtorch)", "flows/spline.py", INVERTED("SplineCoupling"),
            "return x, -np.log(slope)", "return x, np.log(slope)"),
    planted("H7 sign of the log-det of a linear inverse (flowjax)", "flows/linear.py", INVERTED("InvertibleLinear"),
            "return x, -self.a.sum() +", "return x, self.a.sum() +"),
    planted("H8 sign of the Jacobian of a standardisation (bayesflow)", "flows/elementwise.py", INVERTED("Affine"),
            ".astype(y.dtype), -self.logdet(y)", ".astype(y.dtype), self.logdet(y)"),
    planted("H9 a conditional MAF of one column hears nothing (flowjax)", "flows/degrees.py", "test_made.py test_maf_iaf.py",
            "low = 0 if context or features == 1 else 1\n    kinds = features - low",
            "low = 1\n    kinds = max(features - low, 1)"),
    planted("H10 NaN from the branch that is not taken (flowjax, bayesflow)", "metric/triplet.py", "test_triplet.py",
            "return d, apart / np.where(apart, d, 1)", "return d, np.where(apart, 1 / d, 0)"),
    planted("H11 a root of a negative discriminant (nflows)", "kernels/spline.py", "test_splines.py",
            "root = max(b * b - 4 * a * c, 0.0)", "root = b * b - 4 * a * c - 1e-9"),
    planted("H12 log-det of a saturated sigmoid (distrax, tfp, torch)", "flows/elementwise.py", "test_flows.py",
            "+ softplus(-y) + softplus(y), axis=1)", "- np.log(sigmoid(y)) - np.log(1 - sigmoid(y)), axis=1)"),
    planted("H13 unbounded log-scales (normflows, SRFlow)", "flows/coupling.py", "test_flows.py",
            "return self.c * w, t, (w, net_cache)", "return h[:, :half], t, (0 * w, net_cache)"),
    planted("H15 1 - A_0 at the start of a cosine schedule (MONAI)", "diffusion/schedule.py", "test_schedules.py",
            "np.minimum(1 - f[1:] / f[:-1], LARGEST)", "np.minimum(1 - f[:-1] / f[0], LARGEST)"),
    planted("H16 beta reaches 1 (mar, diffusers)", "diffusion/schedule.py", "test_schedules.py",
            "np.minimum(1 - f[1:] / f[:-1], LARGEST)", "1 - f[1:] / f[:-1]"),
    planted("H17 variance 1e-20 at t = 1 (diffusers)", "diffusion/reverse.py", "test_elbo.py test_diffusion.py",
            "low[1] = high[1] = self.first", "low[1], high[1] = 1e-20, self.first"),
    planted("H18 learned range without logarithms (diffusers)", "diffusion/reverse.py", "test_elbo.py test_diffusion.py",
            "return np.log(low), np.log(high)", "return low, high"),
    planted("H19 the root of a log-variance (diffusers)", "diffusion/samplers.py", "test_diffusion_sampling.py",
            "np.exp(logvar / 2)", "np.sqrt(logvar)"),
    planted("H20 a variance called logvar in the prior term (ddpm-torch)", "diffusion/terms.py", "test_elbo.py",
            "gaussian_kl(-A, float(np.log1p(-A)), A * x0 * x0)", "gaussian_kl(-A, 1 - A, A * x0 * x0)"),
    planted("H21 a discrete likelihood of continuous data (DiT)", "core/validate.py", "test_diffusion.py",
            "(x == np.round(x)) & (x >= low)", "(x >= low)"),
    planted("H22 a term missing where it has parameters (pyro)", "diffusion/losses.py", DERIVED("StepTerm"),
            "p.backward(dout, dlogvar, net)", "p.backward(dout, 0 * dlogvar, net)"),
    planted("H23 the mean of no triplets (tf-addons)", "metric/triplet.py", "test_triplet.py",
            "1 / max(count, 1)", "1 / np.float64(count)"),
    planted("H27 a schedule changes its argument (CleanDiffuser)", "diffusion/schedule.py", "test_schedules.py",
            'betas = validate.array("betas", betas, dtype=np.float64)\n', "betas = np.asarray(betas, dtype=np.float64)\n    betas[-1:] = np.minimum(betas[-1:], 0.99)\n"),
    planted("P1 degrees taken for the order of visits (kamenbliznashki, deepul)", "flows/sequential.py", "test_maf_iaf.py",
            "x[:, made.order] = coordinates.T", "x[:, made.position] = coordinates.T"),
    planted("P3 dequantisation by U(0, 0.5] (intro_dgm)", "prob/dequantization.py", "test_dequantization.py test_flows.py",
            "validate.generator(rng).random(x.shape)", "((1 - validate.generator(rng).random(x.shape)) / 2)"),
    planted("P4a q(z_i given z_i) in place of q(z_i given z_i-1) (intro_dgm)", "markov/gaussian_chain.py", "test_markov.py",
            "before, after = X[:, :-1][steps]", "before, after = X[:, 1:][steps]"),
    planted("P4b steps indexed from the wrong end (intro_dgm)", "diffusion/samplers.py", "test_diffusion_sampling.py",
            "ancestral_step, reverse, rng, np.array([t])", "ancestral_step, reverse, rng, np.array([reverse.schedule.T + 1 - t])"),
    planted("P5 DDIM with the noise subtracted (numpy-diffusion)", "diffusion/samplers.py", "test_diffusion_sampling.py",
            "below = signal * x0 + kept * eps", "below = signal * x0 - kept * eps"),
    planted("P5b the first steps in place of a stride (numpy-diffusion)", "diffusion/schedule.py", "test_schedules.py test_diffusion_sampling.py",
            "return np.linspace(T if steps == 1 else 1, T, steps).round().astype(int)", "return np.arange(1, steps + 1)"),
    planted("P8 the objective asked for is ignored (lucidrains)", "diffusion/reverse.py", "test_elbo.py test_diffusion.py",
            "Target(self.schedule, self.predict)", 'Target(self.schedule, "eps")'),
    planted("P9 the condition does not reach the bound (improved-diffusion)", "diffusion/losses.py", "test_diffusion.py test_details.py -k class",
            "p.forward(xt, t=t, label=label)", "p.forward(xt, t=t, label=None if label is None else 0 * label)"),
    planted("P9b weights of importance sampling left out", "diffusion/timesteps.py", "test_diffusion.py test_elbo.py",
            "return t, 1 / (self.T * self.p[t - 1])", "return t, np.ones(n)"),
    planted("P11 evaluated without dequantisation (distrax)", "flows/losses.py", "test_flows.py",
            "return dequantize(x.astype(density.dtype), rng)", "return x.astype(density.dtype)"),
    planted("P12 log-det doubled in both directions (nflows' tests)", "flows/chain.py", INVERTED("Chain"),
            "logdet = logdet + ell  # CV", "logdet = logdet + 2 * ell  # CV"),
    planted("P13 BatchNorm's backward without a path (mlpack)", "flows/batchnorm.py", DERIVED("BatchNorm"),
            " - xhat * (dxhat * xhat).mean(axis=0)", ""),
)  # fmt: skip
