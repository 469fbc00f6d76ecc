"""The badge: the verdicts in one line, in the JSON of a shields.io endpoint."""

from __future__ import annotations

import msgspec

from harness.report import counted, wording
from harness.report.contents import PageContents
from harness.spec.verdict import Verdict


def render(contents: PageContents) -> bytes:
    """``{"schemaVersion": 1, "label": "claims at quick scale", "message": "12 reproduced, 1 refuted", ...}``.

    What sources do not say is not counted where they say anything. An expected refutation is no failure:
    the colour says whether every verdict came out as declared.
    """
    verdicts = {claim.verdict for claim in contents.claims}
    if contents.unexpected or Verdict.ERROR in verdicts:
        color = "red"
    else:
        color = "brightgreen" if verdicts - {Verdict.NOT_RUN} else "lightgrey"
    tallies = contents.tallies
    of_sources = {kind: counts for kind, counts in tallies.items() if kind.is_source}
    scale = f"claims {wording.scale(' and '.join(contents.tiers))}" if contents.tiers else "claims"
    badge = {
        "schemaVersion": 1,
        "label": f"{scale}, {contents.fresh}" if contents.fresh else scale,
        "message": counted.tallies(of_sources or tallies),
        "color": color,
    }
    return msgspec.json.format(msgspec.json.encode(badge), indent=1) + b"\n"
