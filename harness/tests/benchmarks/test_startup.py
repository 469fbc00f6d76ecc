"""Start-up: heavy imports are seen, and a command that fails is named."""

from __future__ import annotations

import pytest

from harness.benchmarks import (
    startup,
)


def test_heavy_imports_are_seen() -> None:
    listed = "import time:       100 |        200 | torch.version\nimport time: 1 | 2 |   scipy\n"
    assert startup.heavy(listed) == ("scipy",)
    assert startup.heavy(listed + "import time:        10 |     300000 |     torch\n") == ("torch", "scipy")
    assert startup.heavy(startup._ran(("-X", "importtime", "-c", "import json"))[1]) == ()


def test_a_command_that_fails_is_named() -> None:
    with pytest.raises(RuntimeError, match="-c raise SystemExit\\('no'\\) ended with status 1: no"):
        startup._ran(("-c", "raise SystemExit('no')"))
