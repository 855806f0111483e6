"""How one submission is marked: calls behind the wall, comparison, diagnosis."""
