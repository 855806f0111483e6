"""Memory that stays: a step's arrays should not be given back and asked for again."""

import numpy as np


def keep():
    """Let freed arrays stay with the process, up to 64 MB of them.

    glibc returns the free end of its heap to the system beyond a threshold, and each page that
    comes back is a fault and 4 kB of zeros: a fifth of the step of a large model. Freeing one block
    of nearly 32 MB, never touched, raises that threshold to twice its size; elsewhere it does
    nothing.
    """
    np.empty(31 << 20, np.uint8)
