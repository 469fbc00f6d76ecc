"""The trainer's arithmetic is named by a number, which a changed trainer must raise."""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path

from harness import fleet
from harness.fleet import SEMANTICS
from harness.spec.syntax import code_of, without_docstring

PINNED = {1: "242bb8c67a00966940410640ef00b66b7e9fa1210fcab20ccd314ecd2911d6a4"}
TRAINER = (
    "trainer", "numerics", "optimizers", "orders", "replica", "on_device", "captured", "_response_nets",
    "fusing", "_fused_nets", "_curve_point_nets", "backprop",
    "stacked", "small", "native", "native_check", "native_graphs", "native_plans", "native_rules",
)  # fmt: skip


def test_the_trainer_is_the_one_that_semantics_names() -> None:
    """What the trainer computes is named by ``SEMANTICS`` alone, so a change of it must not go unseen."""
    folder = Path(fleet.__file__).parent
    trees = [ast.parse((folder / f"{part}.py").read_text()) for part in TRAINER]
    texts = [code_of(without_docstring(tree.body), "").text for tree in trees]
    native = sorted(file for file in folder.iterdir() if file.suffix in (".cpp", ".h"))
    assert native
    texts += [file.name + _without_comments(file.read_text()) for file in native]
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest() == PINNED.get(SEMANTICS), (
        "the trainer changed: bump SEMANTICS if its arithmetic did, then bless this digest"
    )


def _without_comments(source: str) -> str:
    """C++ without comments and with every run of white space as one blank."""
    plain = re.sub(r"//[^\n]*|/\*.*?\*/", " ", source, flags=re.DOTALL)
    return " ".join(plain.split())
