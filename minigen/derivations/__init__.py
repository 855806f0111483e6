"""The notes, executed: every equation as printed and as it must read, its code, and its check.

mg.derivations.run()                    every entry: a list of rows
mg.derivations.show("NVP-6")            one entry, drawn by a notebook
@mg.derivations.entry("MINE-1", ...)    an equation of your own, judged by the same machinery
"""

from minigen.derivations.entry import Entry, NotEvaluable, Result, entry
from minigen.derivations.runner import Row, run
from minigen.derivations.show import show

__all__ = ["Entry", "NotEvaluable", "Result", "Row", "entry", "run", "show"]
