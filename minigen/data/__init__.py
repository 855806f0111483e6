"""Data: toy densities with a known log p and entropy, digits, and readers for users' files.

toy = mg.data.toy("moons")                  sample(n, rng=), log_prob(x), entropy
digits = mg.data.digits()                   digits.train.x (3400, 64), 0..16; .y labels
x = mg.data.read("measurements.csv")        (N, D) float64, or an error with line and column
t = mg.data.table("iris.csv", label="species")      t.x, t.y, t.columns, t.classes
p = mg.data.pictures("train-images-idx3-ubyte.gz", size=14, levels=16)     p.x, p.y
x, y = mg.data.read_keel("magic.dat")       a table of the KEEL repository
t = mg.data.paper_table("miniboone", path)  t.train, t.validation, t.test as in the MAF paper
glyphs = mg.data.glyphs(16)                  sample(n, rng=): letters and digits without end
alice = mg.data.text()                      paragraphs as symbols, of a public-domain book
"""

from minigen.data.base import Sampler, Toy
from minigen.data.baseline import baselines, bits_per_dim
from minigen.data.catalogue import TOYS, toy, toys
from minigen.data.font_glyphs import Glyphs, glyphs
from minigen.data.keel_file import read_keel
from minigen.data.maf_paper import PAPER_TABLES, PaperTable, paper_table
from minigen.data.picture_readers import Pictures, pictures
from minigen.data.readers import Table, read, read_labels, split, table
from minigen.data.texts import Text, text
from minigen.data.twonorm import Twonorm
from minigen.data.uci_digits import Digits, Split, digits

__all__ = [
    "PAPER_TABLES", "TOYS", "Digits", "Glyphs", "PaperTable", "Pictures", "Sampler", "Split",
    "Table", "Text", "Toy", "Twonorm", "baselines", "bits_per_dim", "digits", "glyphs",
    "paper_table", "pictures", "read", "read_keel", "read_labels", "split", "table", "text", "toy",
    "toys",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
