"""Pages as short as a browser reads the same from them: no end tag, quote or space that HTML lets go.

What may be left out is said by the HTML standard, "Optional tags" and "Unquoted attribute value syntax".
It holds of pages whose texts are escaped and whose attributes stand in double quotes, as the templates
write them.
"""

from __future__ import annotations

import functools
import re

VERBATIM = re.compile(r"(<(pre|style)\b[^>]*>.*?</\2>)", re.DOTALL)
"""What keeps its spaces."""
BLOCKS = (
    "html|head|meta|link|title|body|header|nav|main|footer|section|article|div|p|h[1-6]|[uod]l|li|d[td]|table|"
    "caption|thead|tbody|tfoot|tr|t[dh]|details|summary|figure|figcaption|pre|path|rect|circle|polygon"
)
"""Elements beside whose tags a space shows nothing."""
CLOSES_P = "p|div|[uod]l|table|section|article|header|footer|main|nav|details|figure|figcaption|h[1-6]|pre"
"""Elements of ours whose beginning ends a paragraph."""
HOLDS_P = "div|header|footer|section|article|main|details|li|d[td]|body"
"""Elements of ours whose end ends a paragraph in them."""
OPTIONAL = (
    (r"</t[dh]>", r"<t[dhr]\b|</tr>|</t(?:head|body|foot)>"),
    (r"</tr>", r"<tr\b|</t(?:head|body|foot)>"),
    (r"</t(?:head|body)>", r"<t(?:body|foot)\b|</table>"),
    (r"</tfoot>", r"</table>"),
    (r"</caption>", r"<t(?:head|body|r)\b"),
    (r"</li>", r"<li\b|</[uo]l>"),
    (r"</d[td]>", r"<d[td]\b|</dl>"),
    (r"</p>", rf"<(?:{CLOSES_P})\b|</(?:{HOLDS_P})>"),
    (r"</body></html>", r"$"),
)
"""End tags, and what must follow where they are left out, each after those before it are gone."""
ATTRIBUTE = re.compile(r'="([^"]*)"')


def brief(page: str) -> str:
    """The same page in fewer letters."""
    kept: list[str] = []

    def aside(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"<{match[2]} {len(kept) - 1}>"

    text = VERBATIM.sub(aside, page.strip())
    text = re.sub(rf"\s*(</?(?:{BLOCKS}|style)\b[^>]*>)\s*", r"\1", re.sub(r"\s+", " ", text))
    for tag, before in OPTIONAL:
        text = re.sub(rf"{tag}(?={before})", "", text)
    text = re.sub(
        r"<[a-z][^>]*>|[^<>]+", lambda part: _tag(part[0]) if part[0][0] == "<" else _text(part[0]), text
    )
    return re.sub(r"<(?:pre|style) (\d+)>", lambda place: kept[int(place[1])], text) + "\n"


def _text(text: str) -> str:
    """Quotes and > as they are: between tags nothing reads them."""
    return text.replace("&#39;", "'").replace("&#34;", '"').replace("&gt;", ">")


@functools.lru_cache(maxsize=2**14)  # a page has most of its tags many times
def _tag(tag: str) -> str:
    """The tag without the quotes of values that need none."""
    bare = ATTRIBUTE.sub(_value, tag)
    return re.sub(r'(?<!")/>$', " />", bare) if tag.endswith('"/>') else bare


def _value(attribute: re.Match[str]) -> str:
    value = attribute[1].replace("&#39;", "'")
    return f"={value}" if re.fullmatch(r"[^\s'=<>`]+", value) else f'="{value}"'
