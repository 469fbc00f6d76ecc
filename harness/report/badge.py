"""The badge: the verdicts in one line, in the JSON of a shields.io endpoint."""

from __future__ import annotations

import msgspec

from harness.report import wording
from harness.report.contents import PageContents
from harness.spec.verdict import Verdict


def render(contents: PageContents) -> bytes:
    """``{"schemaVersion": 1, "label": "claims at quick scale", "message": "12 reproduced, 1 refuted", ...}``.

    An expected refutation is no failure: the colour says whether every verdict came out as declared.
    """
    counts = contents.counts
    if contents.unexpected or counts[Verdict.ERROR]:
        color = "red"
    else:
        color = "brightgreen" if any(v is not Verdict.NOT_RUN for v in counts) else "lightgrey"
    scale = f"claims {wording.scale(' and '.join(contents.tiers))}" if contents.tiers else "claims"
    badge = {
        "schemaVersion": 1,
        "label": f"{scale}, {contents.fresh}" if contents.fresh else scale,
        "message": wording.tally(counts),
        "color": color,
    }
    return msgspec.json.format(msgspec.json.encode(badge), indent=1) + b"\n"
