"""The order in which a reader meets the sources, and the five results that a page begins with.

The one place where both are declared. Sources that are not named here come after, in the order of their
years, so that a report of anyone's own claims needs nothing from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.evidence.schema import PaperEntry


@dataclass(frozen=True)
class Chapter:
    """A part of the story: its title, and the keys of its sources in order."""

    title: str
    keys: tuple[str, ...]


CHAPTERS = (
    Chapter("Random labels, and what regularization explains", ("ZHANG2017", "ZHANG2021", "EPFL")),
    Chapter(
        "Double descent, and where implicit regularization comes from",
        (
            *("HASTIE2019", "BHX2019", "NAKKIRAN2019", "NAKKIRAN2021", "BELKIN2019", "MEI2019", "CURTH2023"),
            *("NAKKIRAN2020", "HECKEL2021", "NEAL2018", "YANG2020", "DASCOLI2020", "STUDENT"),
            *("BARRETT2021", "SMITH2021"),
        ),
    ),
    Chapter(
        "The second generation: what came after",
        (
            *("COHEN2021", "LEWKOWYCZ2020", "SOUDRY2018", "BARTLETT2020", "MALLINAR2022", "NAGARAJAN2019"),
            *("BUBECK2020", "POWER2022", "GROMOV2023", "CHIZAT2019", "PAPYAN2020", "DINH2017"),
            *("AINSWORTH2022", "LIU2020", "DZIUGAITE2017", "FELDMAN2020", "ZHANG2020", "MAENNEL2020"),
            *("AKARCHMER2024", "FRANKLE2020", "LYU2020", "BARTLETT2017", "GRANZIOL2020", "MCMAHAN2017"),
        ),
    ),
    Chapter(
        "How large networks learn",
        (
            *("BRUTZKUS2019", "DU2019", "ARORA2019", "ARPIT2017", "ZHANG2022", "NGUYEN2019", "NGUYEN2021"),
            *("GARIPOV2018", "DRAXLER2018", "BLIER2018", "SANTURKAR2018", "FRANKLE2019", "LI2018"),
        ),
    ),
    Chapter("What no source says", ("OVERCLAIM",)),
)
"""The parts of ``claims/README.md``, in its order."""
FURTHER = "Further sources"
"""The title above sources that no chapter names, where others are named."""


@dataclass(frozen=True)
class Opening:
    """One of the results that a page begins with: its title, and the function of the claim that tests it."""

    title: str
    test: str


HEADLINES = (
    Opening("Zero error on random labels", "test_random_labels_are_fit_exactly"),
    Opening("A bounded slow-down", "test_slowdown_is_bounded_by_a_constant"),
    Opening("2n + d weights suffice", "test_any_labels_of_distinct_points_are_fit"),
    Opening("Regularizers are unnecessary", "test_mlps_generalize_without_regularizers"),
    Opening("The double-descent peak", "test_the_test_error_peaks_at_a_middling_width"),
)
PLACES = {key: place for place, key in enumerate(key for chapter in CHAPTERS for key in chapter.keys)}


def ordered(papers: Iterable[PaperEntry]) -> list[PaperEntry]:
    """The sources in the order of the story; those it does not name come last, by year and key."""
    several = list(papers)
    undated = max((paper.year or 0 for paper in several), default=0) + 1

    def place(paper: PaperEntry) -> tuple[int, int, str]:
        return PLACES.get(paper.key, len(PLACES)), paper.year or undated, paper.key

    return sorted(several, key=place)


def chapters(keys: Iterable[str]) -> tuple[Chapter, ...]:
    """The chapters of these keys with those of theirs; one without a title where the story names none."""
    several = list(keys)
    parts = [Chapter(part.title, tuple(key for key in part.keys if key in several)) for part in CHAPTERS]
    told = [part for part in parts if part.keys]
    further = tuple(key for key in several if key not in PLACES)
    return (*told, *([Chapter(FURTHER if told else "", further)] if further else []))
