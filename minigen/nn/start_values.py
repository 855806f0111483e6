"""Start values of a network: how large its weights are, and where its units turn on."""

STEEP = 9.0  # variance of the weights of a tanh unit with one input
FEW = 10.0  # columns that a MADE of ReLU sees with weights of the usual size


def start(activation: str, n_in: int, first: bool, columns: int = 1) -> tuple[float, float]:
    """(gain, spread) of a hidden layer: W ~ N(0, gain / n_in), b ~ N(0, spread^2).

    Gain 2 keeps the size of the signal through ReLU, SiLU and softplus, which let half of it pass
    (He et al. 2015); gain 1 through tanh (Glorot & Bengio 2010).

    Unit j bends where x . W_j + b_j = 0. With b = 0 every unit bends at x = 0, and of one column,
    as in a coupling of two, a network of ReLU is one slope on the left and one on the right, a
    network of tanh an odd function: all bends must first be moved by training. So in the first
    layer b_j varies as much as x . W_j of standardised data does, and the bends lie where the data
    lie. With b = 0 a ReLU of a later layer bends only where its inputs do, or all of them fade out;
    so b_j is spread in its later layers too. Of tanh and the others the later layers have b = 0.

    A tanh also has a width, 1 / |W_j|, and finer structure than that is learned late: with few
    inputs the first layer starts steep, gain max(1, 9 / n_in). A ReLU has no width.

    Measured on toys and on seeds that no table shows, means of KL(truth, model) of six layers after
    1500 steps, in nats. Geometric means of six toys, couplings:

        ReLU   b = 0: 0.20   N(0, 1): 0.11   half or twice the spread, or the gain: 0.11 to 0.13
        tanh   b = 0: 0.25   N(0, 1): 0.13   gain 9, 16, 36 with N(0, gain): 0.11, 0.10, 0.11

    ReLU, b ~ N(0, 1) in the first layer alone, and in all:

        Real NVP   swiss roll 0.37, 0.33   grid 0.56, 0.52   circles 0.39, 0.34
        MAF        swiss roll 0.34, 0.25   grid 0.68, 0.55   circles 0.49, 0.39

    A MADE sees all columns at once. With many of them the functions that it starts from are rough
    where there are few rows, and it learns noise. So with D - 1 > 10 columns to see, gain and
    spread of ReLU are 10 / (D - 1) of these. Validation bits/dim of splines on digits, D = 64:

        as above: 1.874   gain 2, b = 0: 1.875   gain 1/3: N(0, 1) 1.868, N(0, 0.1^2) 1.853

    The network of a diffusion model has its own start (`TimeNet`): its units get their offsets from
    the time, and b = 0 is better there.
    """
    if activation == "relu":
        small = min(1.0, FEW / columns)
        return 2.0 * small, small
    if activation != "tanh":
        return 2.0, 1.0 if first else 0.0
    gain = max(1.0, STEEP / n_in)
    return (gain, gain**0.5) if first else (1.0, 0.0)
