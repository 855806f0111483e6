"""A class: its submissions, the run over all of them, records, Gradescope."""
