"""What stands in a notebook between the equations and the check: a word, and a picture."""

START = """import matplotlib.pyplot as plt

rng = np.random.default_rng(0)
try:
"""
END = """
except NotImplementedError as missing:
    print(f"write {missing} in the module first, then run this cell again")"""


def picture(code):
    """The source of a cell that draws once the functions it needs are written."""
    return START + "\n".join(f"    {line}" for line in code.strip().splitlines()) + END


TEXT = {
    "gradients": """
A derivative by differences is never exact: a large step bends, a small one drowns in
rounding. The curve shows both, and why the check asks for more figures than its lowest point
has. The cotangent is random: with ones everywhere, many wrong backward passes look right.
""",
    "change": """
A map moves probability without losing any: where it stretches, density falls, by the
determinant of its Jacobian. The histogram are samples pushed through your map, the line is
the density that your logdet gives them. They agree if, and only if, the log-determinant is
right.
""",
    "coupling": """
One half of the columns stays and steers the other half. So the map is undone at sight, and
its Jacobian is triangular. The picture shows a square grid after your layer: lines are moved
along one axis only, and each is stretched by its own factor.
""",
    "autoregressive": """
The masks leave a path from column j to output i only if j comes before i. The product of the
two masks counts these paths: in the order of pos it is strictly triangular. This is why one
direction takes one pass through the network, and the other must wait for each column.
""",
    "diffusion": """
The signal's share of the variance, alpha_bar, falls from 1 to about 0. The picture shows your
schedule and what it does to a ring of points: at the end nothing of the ring is left.
""",
    "elbo": """
Each term compares two Gaussians. With the means apart, the best variance of the second is not
that of the first: it must cover the distance too. The curve is your KL over the raw output of
a network, and the gradient that you derived vanishes at its lowest point.
""",
    "triplet": """
The anchor and the positive stand still, the negative is moved over the plane. Where the loss
is 0 the triplet teaches nothing, and that is most of the plane: hence the mining.
""",
    "markov": """
A chain forgets where it began: the distribution of y_t tends to one that the transitions
alone decide. The rows of the picture are the exact marginals from your function.
""",
}
CODE = {
    "gradients": """
x, W, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
y, cache = mine.layer_forward(x, W, b)
dy, u = rng.normal(size=y.shape), rng.normal(size=W.shape)
slope = np.sum(mine.layer_backward(dy, cache)[1] * u)
steps = 10.0 ** np.arange(-1, -13, -0.5)
loss = lambda h: np.sum(dy * mine.layer_forward(x, W + h * u, b)[0])
errors = [abs((loss(h) - loss(-h)) / (2 * h) - slope) for h in steps]
plt.loglog(steps, errors, "o-")
plt.xlabel("step h"), plt.ylabel("|difference - your gradient|")
plt.title("central differences against your backward pass")
""",
    "change": """
z = rng.normal(size=(20000, 1))
W, b = np.array([[-1.5]]), np.array([0.5])
line = np.linspace(-4, 4, 400)[:, None]
y, logdet, _ = mine.chain_forward(line, W, b)
density = np.exp(-line[:, 0] ** 2 / 2 - logdet) / np.sqrt(2 * np.pi)
plt.hist(mine.chain_forward(z, W, b)[0][:, 0], 120, density=True, alpha=0.4, label="samples")
plt.plot(y[:, 0], density, label="q(z) exp(-logdet)")
plt.legend(), plt.xlabel("y")
""",
    "coupling": """
W1, b1, W2, b2 = (rng.normal(size=s) for s in ((1, 16), 16, (16, 2), 2))
t = np.linspace(-2, 2, 200)
for c in np.linspace(-2, 2, 17):
    for line in (np.stack([t, np.full(200, c)], 1), np.stack([np.full(200, c), t], 1)):
        plt.plot(*mine.coupling_forward(line, W1, b1, 0.5 * W2, b2)[0].T, color="C0", lw=0.8)
plt.gca().set_aspect("equal"), plt.title("a grid after your coupling layer")
""",
    "autoregressive": """
M1, M2 = mine.made_masks(6, 12)
_, panels = plt.subplots(1, 3, figsize=(11, 3))
for panel, M, title in zip(panels, (M1, M2.T, M1 @ M2), ("M1", "M2, turned", "paths: M1 M2")):
    panel.imshow(M, cmap="Blues"), panel.set_title(title)
""",
    "diffusion": """
beta, alpha_bar = mine.schedule(60)
_, panels = plt.subplots(1, 5, figsize=(14, 2.8))
panels[0].plot(alpha_bar), panels[0].set_title("alpha_bar"), panels[0].set_xlabel("t")
angle = np.linspace(0, 2 * np.pi, 400)
ring = 2 * np.stack([np.cos(angle), np.sin(angle)], 1)
for panel, t in zip(panels[1:], (1, 15, 30, 60)):
    xt, _ = mine.noise_forward(ring, rng.normal(size=ring.shape), beta, np.full(400, t))
    panel.plot(*xt.T, ".", ms=2), panel.set_title(f"t = {t}"), panel.set_aspect("equal")
""",
    "elbo": """
r = np.linspace(-1, 3, 200)[:, None]
one = np.ones_like(r)
kl, cache = mine.kl_forward(1.5 * one, 0 * one, 0 * one, r)
slope = mine.kl_backward(np.ones(200), cache)[3]
plt.plot(r, kl, label="KL"), plt.plot(r, slope, label="your gradient by r2")
plt.axhline(0, color="k", lw=0.5), plt.legend(), plt.xlabel("r2")
""",
    "triplet": """
side = np.linspace(-2, 2, 81)
a, p = np.array([[0.3, 0.2]]), np.array([[0.9, 0.4]])
loss = [[mine.triplet_forward(a, p, np.array([[u, v]]), 0.2)[0] for u in side] for v in side]
plt.contourf(side, side, loss, 20), plt.colorbar(label="loss")
plt.plot(*a[0], "wo"), plt.plot(*p[0], "w^"), plt.title("the negative moves; o anchor, ^ positive")
""",
    "markov": """
L = 2 * np.eye(5) + rng.normal(size=(5, 5))
p = mine.marginals(L, np.array([5.0, 0, 0, 0, 0]), 20)
plt.imshow(p.T, aspect="auto", cmap="Blues"), plt.colorbar(label="p(y_t = k)")
plt.xlabel("t - 1"), plt.ylabel("k")
""",
}
