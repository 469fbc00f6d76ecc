"""Pages as tests read them: all text of a site, its elements, and its tables by their heads."""

from __future__ import annotations

from html.parser import HTMLParser

from harness.report import html
from harness.report.contents import PageContents

VOID = {"meta", "br", "line", "path", "circle", "rect", "use", "img", "link", "hr", "input"}
ENDED_BY = {name: {"td", "th", "tr", "tbody", "tfoot"} for name in ("td", "th")}
ENDED_BY["tr"] = {"tr", "tbody", "tfoot"}
"""Elements of which HTML lets the end tag be left out, and whose beginning ends them."""
ENDED_BY["tbody"] = {"tbody", "tfoot"}
ENDED_BY["thead"] = {"tbody"}
ENDED_BY["tfoot"] = set()
ENDED_BY["caption"] = {"thead", "tbody", "tr"}
ENDED_BY["li"] = {"li"}
ENDED_BY["dt"] = ENDED_BY["dd"] = {"dt", "dd"}
BLOCKS = (
    "p div ul ol dl table section article header footer main nav details figure figcaption h1 h2 h3 h4 pre"
)
ENDED_BY["p"] = set(BLOCKS.split())
ENDED_BY["body"] = ENDED_BY["html"] = set()
CLOSERS = {"tr", "tbody", "thead", "tfoot", "table", "ul", "ol", "dl", "body"}
CLOSERS |= {"div", "header", "footer", "section", "article", "main", "details", "li", "dd", "td"}


def whole(contents: PageContents) -> str:
    """Every page of a site, one after the other."""
    return "\n".join(html.pages(contents).values())


class Elements(HTMLParser):
    """Every element with its attributes, the elements around it and the text in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[dict[str, str]] = []
        self.all: list[dict[str, str]] = []
        self.feed(page)
        self.close()
        while self.open and self.open[-1]["tag"] in ("body", "html"):
            self.open.pop()
        assert not self.open, "every element ends"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while self.open and tag in ENDED_BY.get(self.open[-1]["tag"], ()):
            self.open.pop()
        inside = " ".join(element["tag"] for element in self.open)
        element = {"tag": tag, "inside": inside, "text": "", **{k: v or "" for k, v in attrs}}
        self.all.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in CLOSERS:
            while self.open[-1]["tag"] != tag and self.open[-1]["tag"] in ENDED_BY:
                self.open.pop()
        if tag not in VOID:
            assert self.open.pop()["tag"] == tag, tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element["text"] += data

    def of(self, *tags: str) -> list[dict[str, str]]:
        return [element for element in self.all if element["tag"] in tags]


def tables(page: str, kind: str) -> list[list[dict[str, str]]]:
    """Every table of a class, as rows by the names of their columns; rows that span columns are left out."""
    listed: list[list[dict[str, str]]] = []
    heads: list[str] = []
    row: list[str] = []
    wanted = False
    for element in Elements(page).all:
        inside, tag = element["inside"].split(), element["tag"]
        if tag == "table":
            wanted = kind in element.get("class", "").split()
            heads = []
            if wanted:
                listed.append([])
        elif wanted and tag == "th" and "thead" in inside:
            heads.append(" ".join(element["text"].split()))
        elif wanted and tag == "tr":
            row = []
        elif wanted and tag in ("td", "th") and "colspan" not in element:
            row.append(" ".join(element["text"].split()))
            if len(row) == len(heads):
                listed[-1].append(dict(zip(heads, row, strict=True)))
    return listed
