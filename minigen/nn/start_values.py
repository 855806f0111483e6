"""Start values of a network: how large its weights are, and where its units turn on."""


def start(activation: str, first: bool) -> tuple[float, float]:
    """(gain, spread) of a hidden layer: W ~ N(0, gain / n_in), b ~ N(0, spread^2).

    Gain 2 keeps the size of the signal through ReLU, SiLU and softplus, which let half of it pass
    (He et al. 2015); gain 1 through tanh (Glorot & Bengio 2010).

    Spread: unit j bends where x . W_j + b_j = 0. With b = 0 all units bend at x = 0. A network of
    one column, as in a coupling of two, is then |x| times a constant on either side of 0 for ReLU,
    and odd for tanh, and can only learn to bend elsewhere. With b_j ~ N(0, 1), as large as
    x . W_j of standardised data, the bends lie where the data lie. In later layers the inputs bend
    at different places already, and a spread there, or twice or half the gain or the spread in the
    first layer, gave no lower KL.
    """
    gain = 1.0 if activation == "tanh" else 2.0
    return gain, 1.0 if first else 0.0
