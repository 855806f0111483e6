"""The notes from beginning to end: their sections, and which file executes each."""

import functools
import importlib
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass

from minigen.derivations.equation import Entry, entries_of


@dataclass(frozen=True)
class Section:
    """One section: its title and files, the heading as printed ("" where the notes have none),
    a remark, and what is wrong with the heading; blocks: prose and entries of notes in Markdown.
    """

    title: str
    modules: tuple
    heading: str = ""
    line: int | None = None
    remark: str = ""
    slip: str = ""
    blocks: tuple[str | Entry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of its files or blocks, in order."""
        if self.blocks:
            return tuple(block for block in self.blocks if isinstance(block, Entry))
        names = (f"minigen.derivations.entries.{name}" for name in self.modules)
        return tuple(e for name in names for e in entries_of(vars(importlib.import_module(name))))


SECTIONS = (
    Section("Triplet loss", ("triplet",), "# Triplet loss", 5),
    Section("The Markov factor", ("markov",)),
    Section("Change of variables", ("cv", "cv_chain")),
    Section("Real NVP", ("nvp",), "### Real NVP", 39, "Dinh, Sohl-Dickstein & Bengio 2017."),
    Section(
        "Masked autoregressive flows", ("maf", "maf_jacobian"),
        "# MAF - Masked Autoregressive Flows", 59,
        "Papamakarios, Pavlakou & Murray 2017.",
    ),
    Section(
        "Inverse autoregressive flows", ("iaf",), "# IAR - Inverse autoregr. flows", 85,
        "Kingma et al. 2016.", "The heading has a slip of its own: IAR should read IAF.",
    ),
    Section(
        "Diffusion: the forward process and its posterior",
        ("dif_forward", "dif_unrolled", "dif_posterior", "dif_mean"),
        "# Diffusion-based models", 98, "Ho, Jain & Abbeel 2020.",
    ),
    Section(
        "Diffusion: the bound",
        ("elbo_bound", "elbo_evidence", "elbo_paths", "elbo_split", "elbo_terms"),
    ),
    Section(
        "Supplements",
        ("supplements_flows", "supplements_diffusion", "supplements_pictures", "supplements_open"),
        remark="What the implementation needs and the notes do not print.",
    ),
)  # fmt: skip


@functools.cache
def catalogue() -> tuple[Entry, ...]:
    """All entries of the notes, in order."""
    return tuple(e for section in SECTIONS for e in section.entries)


@dataclass(frozen=True, eq=False)
class Notes:
    """Notes whose equations are checked.

    Parameters
    ----------
    title : str
        The heading of the page.
    lead : str
        The introduction, in Markdown.
    sections : tuple of Section
        The sections, in order.
    folder : path or None
        Where the Markdown of one's own notes stands.
    """

    title: str
    lead: str
    sections: tuple[Section, ...]
    folder: pathlib.Path | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, in order."""
        return tuple(e for section in self.sections for e in section.entries)

    def __repr__(self) -> str:
        return f"Notes({self.title!r}, {len(self.entries)} entries)"

    def having(self, entries: Iterable[Entry]) -> list[tuple[Section, list[Entry]]]:
        """[(Section, its entries)] for these entries; those of no section come last."""
        left, found = list(entries), []
        for section in self.sections:
            here = [e for e in left if e in section.entries]
            if here or not section.entries:
                found.append((section, here))
                left = [e for e in left if e not in here]
        return [*found, (Section("Your own", ()), left)] if left else found


OURS = Notes(
    "The notes, executed",
    "Every equation of the lecture notes stands here as printed and as it must read, beside the "
    "code that implements it and the figures a check has just measured.",
    SECTIONS,
)
YOURS = Notes(
    "Equations, executed",
    "Every equation stands here beside the check of it and the figures that it has just measured.",
    (),
)


def notes_of(entries: Iterable[Entry]) -> Notes:
    """What the page of these entries is about: the notes, or entries of one's own alone."""
    return OURS if any(e in catalogue() for e in entries) else YOURS
