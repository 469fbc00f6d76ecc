"""The page: one offline file that needs no script, with every piece of a claim's text escaped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from harness.report import costs, counted, figures, forest, trust, wording
from harness.report.contents import PageContents, anchors
from harness.report.track import track
from harness.spec.said import Saying
from harness.spec.verdict import Verdict

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

TRACK = 200  # units of the small plots' width, as the template's viewBox has it


@dataclass(frozen=True)
class Drawn:
    """A figure on the page; ``home`` is the (id, tier) of the claim under which it stands."""

    panel: figures.Panel
    anchor: str
    home: tuple[str, str]
    alt: str
    svg: Markup
    legend: tuple[figures.Entry, ...]


def _drawn(contents: PageContents, safe: Callable[[str], Markup]) -> dict[tuple[str, str], list[Drawn]]:
    """The figures of each claim, every figure drawn once."""
    panels = figures.panels(contents.claims)
    names = anchors((f"{panel.paper} {panel.figure}", panel.tier) for panel in panels)
    shown: dict[tuple[str, str], list[Drawn]] = {(claim.id, claim.tier): [] for claim in contents.claims}
    for number, panel in enumerate(panels):
        anchor = f"figure-{names[f'{panel.paper} {panel.figure}', panel.tier]}"
        svg = safe(figures.inlined(figures.svg(panel), f"f{number}"))
        drawn = Drawn(panel, anchor, panel.claims[0], figures.alt(panel), svg, figures.legend(panel))
        for claim in panel.claims:
            shown[claim].append(drawn)
    return shown


def _linkable(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _environment() -> jinja2.Environment:
    """The templates of the page; they escape every text and refuse what is not defined."""
    import jinja2

    here = resources.files("harness.report")
    names = ("page.html.jinja", "parts.html.jinja", "counts.html.jinja")
    return jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: wording.printable(value) if type(value) is str else value,
        loader=jinja2.DictLoader({name: here.joinpath(name).read_text("utf-8") for name in names}),
    )


def _css() -> str:
    return resources.files("harness.report").joinpath("page.css").read_text("utf-8")


def render(contents: PageContents) -> str:
    """The HTML document; the same contents give the same bytes."""
    from markupsafe import Markup

    axis = forest.axis(check for claim in contents.claims for check in claim.checks)
    environment = _environment()
    environment.globals.update(
        c=contents,
        w=wording,
        css=Markup(_css()),
        tally=counted.tallies(contents.tallies),
        counted=counted,
        kinds=Saying,
        verdicts=tuple(Verdict),
        papers={section.paper.key: section.paper for section in contents.sections},
        figures=_drawn(contents, Markup),
        track=track,
        place=forest.place,
        forest_rows=forest.rows,
        axis=axis,
        pc=lambda value: f"{axis.percent(value):.2f}%",
        pc_right=f"{100 - axis.percent(0.0):.2f}%",
        x=lambda position: f"{TRACK * position:.1f}",
        costs=costs.costs(contents.claims),
        slowest=costs.slowest(contents.claims),
        uncounted=costs.uncounted(contents.claims),
        linkable=_linkable,
        again=trust.recurring(contents.claims),
        free=trust.uncontrolled(contents.claims),
    )
    page: str = environment.get_template("page.html.jinja").render()
    return page.lstrip()
