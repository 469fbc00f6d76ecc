"""The site: a page of results, one for each source, and what belongs to all of them, figures as files.

It needs no network and no JavaScript: every text is in the HTML, every figure has words, and colour never
tells anything alone. ``report.html`` links to what lies in ``pages/`` beside it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from harness.evidence.schema import ClaimReport, PaperEntry
from harness.report import (
    brevity,
    cards,
    classes,
    costs,
    counted,
    figures,
    forest,
    markup,
    matrix,
    plates,
    ran,
    statements,
    trust,
    wording,
    words,
)
from harness.report.contents import PageContents, Section, Statement, unlike
from harness.report.drawings import KeptDrawings, plate
from harness.spec.said import Saying
from harness.spec.verdict import Verdict

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

FIRST = "report.html"
FOLDER, FIGURES = "pages", "pages/figures"
"""The page that is opened, the folder of all others beside it, and that of their figures."""
TRACK = 200
"""Units of the small plots' width, as the templates' viewBox has it."""
LONGEST = 80
"""Letters of a file's name, without its ending."""
STYLE = f"{FOLDER}/style.css"
MENU = {
    FIRST: "Results",
    f"{FOLDER}/numbers.html": "Printed numbers",
    f"{FOLDER}/disagreements.html": "Disagreements",
    f"{FOLDER}/trust.html": "How sure",
    f"{FOLDER}/scope.html": "Scope, cost, provenance",
    f"{FOLDER}/runs.html": "Runs",
}
"""The pages that belong to no single source, and what links call them."""
POLICY = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
"""What a browser may load: style and figures from beside the page, and nothing that runs."""


@dataclass(frozen=True)
class Drawn:
    """A figure of the site; ``home`` is the anchor of the claim under which it stands, on ``page``."""

    panel: figures.Panel
    anchor: str
    home: str
    page: str
    file: str
    alt: str
    legend: tuple[figures.Entry, ...]
    width: int
    height: int


@dataclass(frozen=True)
class Against:
    """A statement that did not come out as its source says, with the tiers and tests where it did not."""

    claim: ClaimReport
    statement: Statement
    tiers: str
    of: str
    why: str


def _linkable(url: str) -> bool:
    return url.startswith(("https://", "http://"))


@functools.cache
def _compiled() -> jinja2.BytecodeCache:
    """The templates' code, compiled once in a process: that takes longer than to render a small site."""
    import jinja2

    class InMemory(jinja2.BytecodeCache):
        """Keeps code by the digest of its text."""

        def __init__(self) -> None:
            self.codes: dict[tuple[str, str], Any] = {}

        def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            """Fill a bucket with what was compiled from the same text."""
            bucket.code = self.codes.get((bucket.key, bucket.checksum))

        def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            """Keep what was compiled."""
            self.codes[bucket.key, bucket.checksum] = bucket.code

    return InMemory()


def _environment() -> jinja2.Environment:
    """The templates of the site; they escape every text and refuse what is not defined."""
    import jinja2

    here = resources.files("harness.report")
    texts = {f.name: f.read_text("utf-8") for f in here.iterdir() if f.name.endswith(".html.jinja")}
    return jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: wording.printable(value) if type(value) is str else value,
        loader=jinja2.DictLoader(texts),
        bytecode_cache=_compiled(),
    )


def css() -> str:
    """The style of all pages."""
    return resources.files("harness.report").joinpath("page.css").read_text("utf-8")


class Site:
    """All pages of one contents: where each claim, figure and run stands, and how a page is rendered."""

    def __init__(self, contents: PageContents) -> None:
        self.contents = contents
        keys = [section.paper.key for section in contents.sections]
        shared = [name.removeprefix(f"{FOLDER}/").removesuffix(".html") for name in MENU]
        files = unlike(keys, shared, LONGEST)
        self.pages = {key: f"{FOLDER}/{name}.html" for key, name in zip(keys, files, strict=True)}
        self.statement = contents.statement_of
        self.drawn = self._drawn()
        self.experiments = ran.experiments(contents)
        self.environment = self._prepared()

    def home(self, claim: ClaimReport) -> str:
        """Where a claim stands: its source's page, and its name there."""
        return f"{self.pages[claim.paper]}#{self.statement[claim.id, claim.tier].anchor}"

    def _drawn(self) -> dict[str, list[Drawn]]:
        """The figures of each statement, by its anchor, every figure with one home."""
        panels = figures.panels(self.contents.claims)
        files = unlike((f"{panel.paper} {panel.figure} {panel.tier}" for panel in panels), longest=LONGEST)
        shown: dict[str, list[Drawn]] = {of.anchor: [] for of in self.statement.values()}
        width, height = (round(144 * side) for side in figures.SIZE)
        for panel, name in zip(panels, files, strict=True):
            homes = list(dict.fromkeys(self.statement[key].anchor for key in panel.claims))
            drawn = Drawn(
                panel,
                anchor=f"figure-{name}",
                home=homes[0],
                page=self.pages[panel.paper],
                file=f"{FIGURES}/{name}.svg",
                alt=figures.alt(panel),
                legend=figures.legend(panel),
                width=width,
                height=height,
            )
            for home in homes:
                shown[home].append(drawn)
        return shown

    def _prepared(self) -> jinja2.Environment:
        from markupsafe import Markup

        c, environment = self.contents, _environment()
        environment.globals.update(
            c=c,
            w=wording,
            s=statements,
            words=words,
            css=Markup(css()),
            policy=Markup(POLICY),
            menu=tuple(MENU.items()),
            tally=counted.tallies(c.tallies),
            counted=counted,
            kinds=Saying,
            verdicts=tuple(Verdict),
            papers={section.paper.key: section.paper for section in c.sections},
            home=self.home,
            source_page=self.pages,
            figures=self.drawn,
            x=_along,
            columns=_columns,
            marked=tuple(map(markup.marked, Verdict)),
            linkable=_linkable,
            digits=ran.DIGITS,
            run_anchor=self.experiments.anchors,
            family_anchor=lambda place: f"family-{place}",
        )
        return environment

    def page(self, template: str, here: str, **values: Any) -> str:
        """One page as text; the same contents give the same bytes."""
        shared = {"to": lambda path: _relative(here, path), "here": here, **values}
        part = self.environment.get_template("parts.html.jinja").make_module(shared)
        text: str = self.environment.get_template(template).render(part=part, **shared)
        return re.sub(r"\n\s*\n+", "\n", text).lstrip()

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every page by its path from the site's folder."""
        c = self.contents
        yield (
            FIRST,
            self.page(
                "results.html.jinja",
                FIRST,
                cards=cards.cards(c),
                matrix=matrix.matrix(c),
                against=_against(c, self.statement),
            ),
        )
        yield self._shared("numbers")
        apart = [(kind, _of_kind(c, kind)) for kind in (Saying.RETOLD, Saying.COUNTER)]
        yield self._shared("disagreements", apart=apart)
        again, free = trust.recurring(c.claims), trust.uncontrolled(c.claims)
        yield self._shared("trust", again=again, free=free)
        spent: dict[str, Any] = {"costs": costs.costs(c.claims), "slowest": costs.slowest(c.claims)}
        spent["tested"] = {claim.id.partition("[")[0]: claim for claim in c.claims}
        spent["proofs"] = {k: says for r in c.reports for k, says in r.provenance.carried.items()}
        yield self._shared("scope", uncounted=costs.uncounted(c.claims), **spent)
        yield self._shared("runs", experiments=self.experiments.groups)
        for place, section in enumerate(c.sections):
            yield self._source(place, section)

    def pages_as_written(self) -> dict[str, str]:
        """Every page as its file has it, brief and with short names of classes; and their style."""
        brief = {path: brevity.brief(text) for path, text in self.texts()}
        names = classes.short(css(), brief.values())
        pages = {path: classes.renamed(page, names) for path, page in brief.items()}
        return {**pages, STYLE: classes.restyled(css(), names)}

    def _shared(self, name: str, **values: Any) -> tuple[str, str]:
        path = f"{FOLDER}/{name}.html"
        return path, self.page(f"{name}.html.jinja", path, **values)

    def _source(self, place: int, section: Section) -> tuple[str, str]:
        sections = self.contents.sections
        claims = [claim for family in section.families for claim in family.claims]
        path = self.pages[section.paper.key]
        return path, self.page(
            "source.html.jinja",
            path,
            section=section,
            tiers=list(dict.fromkeys(t for t in self.contents.tiers if any(c.tier == t for c in claims)))
            or list(dict.fromkeys(claim.tier for claim in claims)),
            profile=forest.profile(check for claim in claims for check in claim.checks),
            unjudged=_unjudged(self.contents, section.paper),
            before=sections[place - 1].paper if place else None,
            after=sections[place + 1].paper if sections[place + 1 :] else None,
        )

    def figures(self) -> dict[str, figures.Panel]:
        """Every figure's path, and what it shows."""
        return {drawn.file: drawn.panel for several in self.drawn.values() for drawn in several}

    def plates(self, drawings: KeptDrawings | None = None) -> Iterator[tuple[str, str]]:
        """Every figure by its path, read where it was drawn before."""
        colors = plates.palette(css())
        for file, panel in self.figures().items():
            yield file, plate(panel, colors, drawings)


def _relative(here: str, path: str) -> str:
    """A link from one page of the site to a file of it."""
    page, _, name = path.partition("#")
    if page == here and name:
        return f"#{name}"
    inside = f"{FOLDER}/"
    if not here.startswith(inside):
        return path
    return path.removeprefix(inside) if path.startswith(inside) else f"../{path}"


def _columns(*names: str | Iterable[str]) -> Markup:
    """The names of a table's columns, for cells that stand alone in a narrow window; "" for none.

    They are a style of the table, said once, and not an attribute of each of its cells.
    """
    from markupsafe import Markup, escape

    every = [name for one in names for name in ([one] if isinstance(one, str) else one)]
    plain = (re.sub(r"[!-/:-@\[-`{-~\n]", lambda sign: f"\\{ord(sign[0]):06x}", name) for name in every)
    said = ";".join(f"--{place}:'{name}'" for place, name in enumerate(plain, 1) if name)
    return Markup(f' style="{escape(said)}"')


def _along(position: float) -> str:
    """A place from 0 to 1 in units of the small plots."""
    return f"{TRACK * position:.0f}"


def _of_kind(contents: PageContents, kind: Saying) -> list[Statement]:
    statements_of = (s for section in contents.sections for f in section.families for s in f.statements)
    return [s for s in statements_of if s.first.kind is kind]


def _against(contents: PageContents, statement: dict[tuple[str, str], Statement]) -> tuple[Against, ...]:
    """What sources say and was refuted or stayed undecided, by statement, outcome and why."""
    cells: dict[tuple[str, Verdict, str], list[ClaimReport]] = {}
    order = {section.paper.key: place for place, section in enumerate(contents.sections)}
    for claim in sorted(contents.claims, key=lambda claim: order[claim.paper]):
        if claim.kind.is_source and claim.verdict not in (Verdict.REPRODUCED, Verdict.NOT_RUN):
            why = claim.reason if claim.unexpected else claim.expected_because or claim.reason
            key = statement[claim.id, claim.tier].anchor, claim.verdict, why
            cells.setdefault(key, []).append(claim)
    return tuple(
        Against(
            claim=of[0],
            statement=statement[of[0].id, of[0].tier],
            tiers=", ".join(dict.fromkeys(claim.tier for claim in of)),
            of="; ".join(dict.fromkeys(wording.params(claim) for claim in of if wording.params(claim))),
            why=why,
        )
        for (_, _, why), of in sorted(cells.items(), key=lambda cell: list(Verdict).index(cell[0][1]))
    )


def _unjudged(contents: PageContents, paper: PaperEntry) -> str:
    """How many of a source's tests were not judged, by tier, in a sentence; "" where all were."""
    counts: dict[str, int] = {}
    for missing in contents.missing:
        if missing.paper == paper.key:
            counts[missing.tier] = counts.get(missing.tier, 0) + 1
    told = ", ".join(f"{count} at {tier}" for tier, count in counts.items())
    return f"Not run: {told}." if told else ""


def site(contents: PageContents, drawings: KeptDrawings | None = None) -> dict[str, str]:
    """Every file of the site by its path: pages, figures and style; the same contents give the same bytes.

    Args:
        drawings: where figures that were drawn before are had.
    """
    built = Site(contents)
    return {**built.pages_as_written(), **dict(built.plates(drawings))}


def pages(contents: PageContents) -> dict[str, str]:
    """The pages alone, by their path, before they are made brief."""
    return dict(Site(contents).texts())
