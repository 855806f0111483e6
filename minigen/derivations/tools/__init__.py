"""What the entries share: comparisons, small layers, and models with known answers."""
