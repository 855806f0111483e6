"""Loops compiled by numba, and their twins in NumPy: arrays in, arrays out.

A loop is here because NumPy has no way to say it (mining, the bins of a spline) or because it
makes a whole training step at least 5 % faster than its twin, measured in pairs:

    dense.bias_relu         1.24 x (Real NVP, D = 2), 1.10 x (D = 64), 1.09 x (MAF, D = 64)
    dense.outer             1.13 x (Real NVP, D = 2, H = 64), 1.09 x (H = 128), against matmul
    optimizers.adam         1.03 to 1.11 x
    triangular              1.22 x (MAF, D = 63, H = 512), 1.05 x (D = 64, H = 128)
    activation.silu         1.04 to 1.07 x (DDPM)
"""

__all__: list[str] = []


def __dir__() -> list[str]:
    return __all__
