"""Loops compiled by numba, and their twins in NumPy: arrays in, arrays out."""

from minigen.kernels import heap

heap.keep()
