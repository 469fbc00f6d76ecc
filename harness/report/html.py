"""The page: one offline file that needs no script, with every piece of a claim's text escaped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from harness.report import figures, wording
from harness.report.contents import Contents, anchors
from harness.report.schema import ClaimReport
from harness.report.track import track
from harness.verdict import Evidence, Verdict


@dataclass(frozen=True)
class Drawn:
    """A figure on the page; ``home`` is the (id, tier) of the claim under which it stands."""

    panel: figures.Panel
    anchor: str
    home: tuple[str, str]
    alt: str
    svg: Any
    legend: tuple[figures.Entry, ...]


def _drawn(contents: Contents, safe: Callable[[str], Any]) -> dict[tuple[str, str], list[Drawn]]:
    """The figures of each claim, every figure drawn once."""
    panels = figures.panels(contents.claims)
    names = anchors((f"{panel.paper} {panel.figure}", panel.tier) for panel in panels)
    shown: dict[tuple[str, str], list[Drawn]] = {(claim.id, claim.tier): [] for claim in contents.claims}
    for panel in panels:
        anchor = f"figure-{names[f'{panel.paper} {panel.figure}', panel.tier]}"
        svg = safe(figures.inlined(figures.svg(panel), anchor))
        drawn = Drawn(panel, anchor, panel.claims[0], figures.alt(panel), svg, figures.legend(panel))
        for claim in panel.claims:
            shown[claim].append(drawn)
    return shown


def _first_control(claim: ClaimReport) -> Evidence | None:
    """The first check as it came out in the first negative control's world."""
    return next((c.checks[0] for c in claim.controls if c.checks and not c.positive), None)


def _linkable(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def render(contents: Contents) -> str:
    """The HTML document; the same contents give the same bytes."""
    import jinja2
    from markupsafe import Markup

    here = resources.files("harness.report")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: wording.printable(value) if type(value) is str else value,
    )
    template = environment.from_string(here.joinpath("page.html.jinja").read_text("utf-8"))
    page = template.render(
        c=contents,
        w=wording,
        css=Markup(here.joinpath("page.css").read_text("utf-8")),
        tally=wording.tally(contents.counts),
        verdicts=tuple(Verdict),
        papers={section.paper.key: section.paper for section in contents.sections},
        figures=_drawn(contents, Markup),
        track=track,
        x=lambda position: f"{200 * position:.1f}",
        first_control=_first_control,
        linkable=_linkable,
    )
    return page.lstrip()
