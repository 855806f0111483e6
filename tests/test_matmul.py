"""The product by BLAS, which a browser takes, is NumPy's product."""

import sys

import numpy as np
import pytest

from minigen import check, nn
from minigen.kernels import dense, matmul, triangular

LAYOUTS = {
    "rows first": np.ascontiguousarray,
    "columns first": np.asfortranarray,
    "a part": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
}


@pytest.mark.parametrize("first", LAYOUTS)
@pytest.mark.parametrize("second", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_a_product_by_blas_is_the_product(first, second, dtype, rng):
    for n, k, m in ((5, 3, 4), (1, 3, 1), (3, 1, 2), (0, 3, 2), (2, 0, 3), (2, 3, 0)):
        a = LAYOUTS[first](rng.standard_normal((n, k)).astype(dtype))
        b = LAYOUTS[second](rng.standard_normal((k, m)).astype(dtype))
        out = np.full((2 * n, m), np.nan, dtype)[::2]
        y = matmul.blas_matmul(a, b)
        assert y.dtype == dtype and y.shape == (n, m)
        assert matmul.blas_matmul(a, b, out=out) is out
        for found in (y, out):
            assert np.allclose(found, np.einsum("nk,km->nm", a, b), rtol=1e-5, atol=1e-5)


def test_matrices_that_do_not_fit_are_refused_as_numpy_refuses_them():
    with pytest.raises(ValueError, match="matmul"):
        matmul.blas_matmul(np.ones((2, 3)), np.ones((2, 3)))
    mixed = matmul.blas_matmul(np.ones((2, 3), np.float32), np.ones((3, 2)))
    assert mixed.dtype == np.float64 and mixed.tolist() == [[3, 3], [3, 3]]


def test_numpy_multiplies_where_it_has_blas():
    assert sys.platform == "emscripten" or matmul.matmul is np.matmul


def test_layers_are_right_with_the_product_of_a_browser(monkeypatch, rng):
    for module in (dense, triangular, sys.modules["minigen.nn.dense"]):
        monkeypatch.setattr(module, "matmul", matmul.blas_matmul)
    layer = nn.LinearReLU(rng.standard_normal((3, 4)), rng.standard_normal(4))
    assert check.gradients(layer, rng.standard_normal((5, 3)), rng=rng)
    mask = triangular.BlockTriangular(np.arange(100), np.arange(100))
    x, W, dy = rng.standard_normal((7, 100)), *rng.standard_normal((2, 100, 100))
    assert np.allclose(mask.product(x, mask * W), x @ (mask.array * W))
    dx, dW = mask.product_backward(dy[:7], x, mask * W)
    assert np.allclose(dx, dy[:7] @ (mask.array * W).T) and np.allclose(
        dW, mask.array * (x.T @ dy[:7])
    )
