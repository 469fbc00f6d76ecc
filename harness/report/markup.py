"""Markdown that holds whatever text is put into it: escaped words, code, tables, within a length."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.report import wording
from harness.spec.verdict import Verdict

LIMIT = 900_000
"""Bytes; GitHub drops a step summary of more than 1,024 kB as a whole."""
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "$": "&#36;", "@": "&#64;"}


def plain(text: str) -> str:
    """Untrusted text as text: no markup, formula, mention or table cell can come out of it."""
    line = " ".join(wording.printable(text).split())
    line = re.sub(r"[\\`*_\[\]#~!]", r"\\\g<0>", line)
    line = re.sub(r"[<>&|$@]", lambda sign: ENTITIES[sign[0]], line)
    return re.sub(r"^(\d+)([.)])|^([-+=])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def code(text: str) -> str:
    """A code span that holds whatever the text is, also in a cell of a table."""
    line = " ".join(wording.printable(text).split()).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str) -> str:
    """A code block, as long a fence as the text needs."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{wording.printable(text)}\n{fence}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are Markdown already."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def marked(verdict: Verdict) -> str:
    """A verdict with its symbol."""
    return f"{verdict.symbol} {verdict}"


def joined(blocks: Iterable[str]) -> str:
    """The blocks that have anything in them, apart."""
    return "\n\n".join(block for block in blocks if block) + "\n"


def cut(text: str, limit: int) -> str:
    """Whole lines up to ``limit`` bytes, and a line that says so."""
    said = "\n*Cut here for length; `report.json` has the rest.*\n"
    if len(text.encode()) <= limit:
        return text
    kept = text.encode()[: max(limit - len(said.encode()), 0)].decode(errors="ignore")
    return (kept.rpartition("\n")[0] + "\n" + said)[-limit:] if limit else ""
