"""Where a report comes from: code, machine and versions; never a path, host or user name."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import msgspec

from harness.fleet import cgroups
from harness.spec.modules import SITE

HARNESS = Path(__file__).resolve().parents[1]
CODE = ("*.py", "*.cpp", "*.h", "pyproject.toml")
"""Files of a repository that verdicts may depend on, in whichever folder: reports and prose are none."""
PACKAGES = (
    "overclaim", "torch", "torchvision", "numpy", "scipy", "scikit-learn", "pytest", "pytest-xdist",
    "hypothesis", "msgspec", "safetensors",
)  # fmt: skip


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of mistakes planted into the instrument (``python -m harness.tests.mutants``).

    Attributes:
        commit: of the code that they were planted into.
        planted: how many.
        killed_by_tests, killed_by_claims: how many a test noticed, and of the others a claim.
        kinds: kind of mistake -> how many of it.
        survivors: name -> kind of those that nothing noticed.
    """

    commit: str
    planted: int
    killed_by_tests: int
    killed_by_claims: int
    kinds: dict[str, int]
    survivors: dict[str, str]

    @property
    def said(self) -> str:
        """The score in one sentence."""
        return (
            f"{self.planted:,} mistakes of {len(self.kinds)} kinds, planted one at a time into commit "
            f"{self.commit[:12] or 'unknown'}: {self.killed_by_tests:,} noticed by tests, "
            f"{self.killed_by_claims:,} by claims alone, {len(self.survivors):,} by neither"
        )


def planted_at(root: Path) -> Path:
    """Where the score of planted mistakes lies, or would lie."""
    return root / "reports" / "mutants.json"


def mutants(root: Path) -> str:
    """The score of the mistakes planted into the instrument, in one sentence; "" where there is none."""
    try:
        return msgspec.json.decode(planted_at(root).read_bytes(), type=Planted).said
    except (OSError, msgspec.MsgspecError):
        return ""


def commit(root: Path) -> tuple[str, bool]:
    """The commit of the repository a folder is part of, and whether code differs; ("", False) outside git.

    What is installed, or ignored by git, is part of no repository, wherever its folder lies.
    """
    if SITE & set(root.resolve().parts) or _git(root, "check-ignore", "."):
        return "", False
    head = _git(root, "rev-parse", "HEAD")
    return head, bool(_git(root, "status", "--porcelain", "--", *(f":(top){files}" for files in CODE)))


def release(root: Path, known: str | None = None) -> str:
    """The version of the harness, and its commit where that is of another repository than ``root`` is.

    Args:
        root: the folder of what is judged; known: its commit, if git has been asked.
    """
    version = versions().get("overclaim", "")
    head, dirty = commit(HARNESS)
    if not head or head == (commit(root)[0] if known is None else known):
        return version
    return f"{version} at {head[:12]}{' with changes' if dirty else ''}".strip()


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def versions() -> dict[str, str]:
    """Installed versions of what numbers depend on, read without importing anything."""
    return dict(_installed())


@functools.cache
def _installed() -> dict[str, str]:
    """They are read once: what a process has imported stays what it is."""
    installed = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def otherwise_computed(provenances: Iterable[Mapping[str, str]]) -> str:
    """What to say of records that other versions of numerical packages computed; empty where none did.

    Versions are no part of a run's name, and a patch of one changes no number that anybody relies on.
    """
    installed = versions()
    here = {name: _minor(installed[name]) for name in ("numpy", "torch") if name in installed}
    older: Counter[str] = Counter()
    for provenance in provenances:
        told = {name: _minor(provenance[name]) for name in here if name in provenance}
        if any(version != here[name] for name, version in told.items()):
            older[", ".join(f"{name} {version}" for name, version in told.items())] += 1
    if not older:
        return ""
    by = "; ".join(f"{count:,} with {told}" for told, count in older.most_common(3))
    now = ", ".join(f"{name} {version}" for name, version in here.items())
    return f"records of other versions were read: {by} (here {now}): --fresh computes them anew"


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def processor() -> str:
    """The CPU's model name."""
    try:
        for row in Path("/proc/cpuinfo").read_text().splitlines():
            if row.startswith("model name"):
                return row.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores this process may use: by its affinity, and by the limit of a container or batch system."""
    return cgroups.whole_cores()


def memory_gib() -> float:
    """Physical memory in GiB (0 where the system does not tell)."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return 0.0
