"""Settings of a flow for a user's table, by its number of rows and of columns.

They were chosen on validation rows of tables of 120 to 15,000 rows and 4 to 30 columns: how, stands
in docs/quality.md.
"""

from dataclasses import replace

from minigen.cli.chapter import Recipe

FEW = 13  # rows a column, below which a flow starts as the full-covariance Gaussian of the rows
MANY = 2000  # rows, from which networks are wider and trained longer
ENOUGH = 400  # rows a column, from which a network learns more than splines of the axes
LAYERS = {"real_nvp": 8, "nice": 8, "maf": 8, "neural_spline": 3}
CHECKS = 100  # validations in one training


def is_small(rows: int, features: int) -> bool:
    """Whether the rows are too few to learn correlations by gradient: see `table_recipe`."""
    return rows < FEW * features


def starts_bent(rows: int, features: int) -> bool:
    """Whether a flow is to start with a spline for each principal axis: see `table_recipe`."""
    return MANY <= rows < ENOUGH * features


def table_recipe(model: str, rows: int, features: int) -> Recipe:
    """The settings of a flow for a table.

    - Early stopping decides how long: the start is a candidate, and ten checks in a row without
      an improvement end the training.
    - Few rows: one hidden layer and three times the weight decay. Where rows are fewer than
      13 a column (`is_small`) the data are whitened first, so that the start is the
      full-covariance Gaussian, and is given up only for what is better.
    - Many rows: wider and longer. Where they are fewer than 400 a column (`starts_bent`), a
      network does not find by gradient what one spline for each principal axis says: the flow
      starts as that density (twonorm, 7400 rows of 20 columns: KL to the truth 0.02 nats, 0.19 of
      the Gaussian). With more rows it is better left alone (MAGIC, 12,170 rows of
      10 columns: 0.4 nats worse with them).

    Parameters
    ----------
    model : "real_nvp", "nice", "maf" or "neural_spline"
    rows, features : N of the training rows and D

    Returns
    -------
    Recipe
    """
    many = rows >= MANY
    steps = 4000 if many else 1000
    width = max(64, 1 << (features - 1).bit_length())
    return replace(
        Recipe(steps, LAYERS[model], (width,), "tanh", batch=128, weight_decay=3.0, ema=0.98),
        **({"hidden": (width, width), "batch": 256, "weight_decay": 1.0} if many else {}),
        patience=10,
        validate_every=steps // CHECKS,
    )
