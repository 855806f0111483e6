"""Pictures of models, data and training; the only folder that imports matplotlib.

Every function returns a matplotlib Figure: a notebook shows it, `figure.savefig(path)` writes it.
`ax` draws into axes of your own instead: one, or one for each panel.
"""

from minigen.plot.bench_ratios import bench
from minigen.plot.costs import cost
from minigen.plot.curve_table import lines
from minigen.plot.curves import training
from minigen.plot.elbo import elbo_terms
from minigen.plot.film import filmstrip
from minigen.plot.grids import images, neighbours
from minigen.plot.heatmaps import matrices
from minigen.plot.mapping import embedding
from minigen.plot.masking import masks
from minigen.plot.moving import Animation, moving_grid
from minigen.plot.pair_plot import pairs
from minigen.plot.plane import density, gallery, samples
from minigen.plot.structures import diagram, units
from minigen.plot.style import LINES, Picture
from minigen.plot.transitions import transition
from minigen.plot.warping import warp

__all__ = [
    "LINES", "Animation", "Picture", "bench", "cost", "density", "diagram", "elbo_terms",
    "embedding", "filmstrip", "gallery", "images", "lines", "masks", "matrices", "moving_grid",
    "neighbours", "pairs", "samples", "training", "transition", "units", "warp",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
