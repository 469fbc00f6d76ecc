"""Class names as short as they can be: a page says them thousands of times, and only its style reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_lowercase as LETTERS

STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
MENTION = re.compile(r"\.([A-Za-z][\w-]*)")
"""A class in a selector; a number has a digit after its point."""
TAG = re.compile(r"<[a-z][^>]*>")
ATTRIBUTE = re.compile(r' class=(?:"([^"]*)"|([^\s>]+))')


def short(css: str, pages: Iterable[str] = ()) -> dict[str, str]:
    """A name of one letter or two for every class of a style sheet, those that pages say most often first."""
    said = dict.fromkeys(MENTION.findall(css), 0)
    for page in pages:
        for several, one in ATTRIBUTE.findall(page):
            for name in (several or one).split():
                if name in said:
                    said[name] += 1
    often = sorted(said, key=lambda name: -said[name])
    return {name: _letters(number) for number, name in enumerate(often)}


def _letters(number: int) -> str:
    """``a`` to ``z``, then ``aa`` and on."""
    high, low = divmod(number, len(LETTERS))
    return (_letters(high - 1) if high else "") + LETTERS[low]


def restyled(css: str, names: Mapping[str, str]) -> str:
    """The style sheet with its classes renamed."""
    return MENTION.sub(lambda mention: f".{names[mention[1]]}", css)


def renamed(page: str, names: Mapping[str, str]) -> str:
    """The page with its classes renamed, its own style included; a class that no style names is left out."""

    def one(attribute: re.Match[str]) -> str:
        kept = [names[name] for name in (attribute[1] or attribute[2] or "").split() if name in names]
        return f' class="{" ".join(kept)}"' if len(kept) > 1 else f" class={kept[0]}" if kept else ""

    pieces = STYLE.split(page)
    styles = [restyled(style, names) for style in STYLE.findall(page)]
    bodies = [TAG.sub(lambda tag: ATTRIBUTE.sub(one, tag[0]), piece) for piece in pieces]
    return "".join(body + style for body, style in zip(bodies, [*styles, ""], strict=True))
