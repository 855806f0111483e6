"""Homework 7: the triplet loss (TRI-1; Schroff et al. 2015) and mining.

    normalize:  a = h / |h|, row by row
    triplet:    g = d(a, p) - d(a, n) + margin,   loss = MEAN over the rows of $loss
                $distance
    mine:       for each row as anchor: $mining
    batch:      the triplet loss of the mined triplets; which rows are chosen has no derivative

h, a, p, n, e (N, D); labels (N,) of whole numbers, every label at least twice; margin a number;
pos, neg (N,) whole numbers, the indices of rows; loss a number.
"""

import numpy as np


def normalize_forward(h):
    """Returns a, cache."""
    ### BEGIN SOLUTION
    length = np.sqrt((h**2).sum(axis=1, keepdims=True))
    return h / length, (h / length, length)
    ### END SOLUTION


def normalize_backward(da, cache):
    """Returns dh."""
    ### BEGIN SOLUTION
    a, length = cache
    return (da - a * (a * da).sum(axis=1, keepdims=True)) / length
    ### END SOLUTION


def triplet_forward(a, p, n, margin):
    """Returns loss (a number), cache."""
    ### BEGIN SOLUTION
    g = ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + margin
    return np.maximum(g, 0).mean(), (a, p, n, g)
    ### END SOLUTION


def triplet_backward(dloss, cache):
    """Returns da, dp, dn."""
    ### BEGIN SOLUTION
    a, p, n, g = cache
    w = 2 * dloss * (g > 0)[:, None] / len(a)
    return w * (n - p), w * (p - a), w * (a - n)
    ### END SOLUTION


def mine(e, labels):
    """Returns pos, neg. Distances are d, as above; ties do not occur."""
    ### BEGIN SOLUTION
    d = ((e[:, None] - e[None]) ** 2).sum(axis=2)
    same = labels[:, None] == labels[None]
    pos = np.where(same, d, -1.0).argmax(axis=1)
    neg = np.where(same, np.inf, d).argmin(axis=1)
    return pos, neg
    ### END SOLUTION


def batch_forward(e, labels, margin):
    """Returns loss (a number), cache: mine, then the triplet loss."""
    ### BEGIN SOLUTION
    pos, neg = mine(e, labels)
    loss, cache = triplet_forward(e, e[pos], e[neg], margin)
    return loss, (pos, neg, cache)
    ### END SOLUTION


def batch_backward(dloss, cache):
    """Returns de: a row may be anchor, positive and negative, several times over."""
    ### BEGIN SOLUTION
    pos, neg, inner = cache
    de, dp, dn = triplet_backward(dloss, inner)
    de = de.copy()
    np.add.at(de, pos, dp)
    np.add.at(de, neg, dn)
    return de
    ### END SOLUTION


def tri1(dp, dn):
    """The notes have only the heading (TRI-1), and the loss is often written down from memory as
    max(dp - dn + 0.2, 0) with the lengths dp = |a - p| and dn = |a - n|.

    Return the loss of the paper for each triplet, (N,), with the margin 0.2.
    """
    ### BEGIN SOLUTION
    return np.maximum(dp**2 - dn**2 + 0.2, 0)
    ### END SOLUTION


def tri1_counterexample():
    """Prove that it matters: return dp and dn, each (N,), where the two are different."""
    ### BEGIN SOLUTION
    return np.full(1, 2.0), np.ones(1)
    ### END SOLUTION
