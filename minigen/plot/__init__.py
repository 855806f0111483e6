"""Pictures of models, data and training; the only folder that imports matplotlib.

Every function returns a `Picture`: a notebook shows it, `picture.savefig(path)` writes it. `ax`
draws into axes of your own instead: one, or one for each panel.
"""

from minigen.plot.cost import cost
from minigen.plot.elbo import elbo_terms
from minigen.plot.embedding import embedding
from minigen.plot.filmstrip import filmstrip
from minigen.plot.images import images, neighbours
from minigen.plot.masks import masks
from minigen.plot.plane import density, gallery, samples
from minigen.plot.style import Picture
from minigen.plot.training import training
from minigen.plot.transition import transition
from minigen.plot.warp import warp

__all__ = [
    "Picture",
    "cost",
    "density",
    "elbo_terms",
    "embedding",
    "filmstrip",
    "gallery",
    "images",
    "masks",
    "neighbours",
    "samples",
    "training",
    "transition",
    "warp",
]
