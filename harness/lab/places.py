"""Where to compute and keep: from options, environment and defaults, with one clear line for each bad one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from harness.lab import gpu_kinds, provenance
from harness.lab.pinning import count_gpus


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where runs are computed and kept.

    Attributes:
        store: the directory of records, or a file of shipped ones.
        data_root: the directory of data sets.
        device: "cpu", "cuda" (all GPUs) or "cuda:1"; of a plan alone also a kind of GPU, "h100x8".
        fresh: records of other sessions count as missing (``--fresh``).
        session: the name of the session that computes, by which its own records are known.
        commit: of the code, for the provenance of what is computed.
    """

    store: Path
    data_root: Path
    device: str = "cpu"
    fresh: bool = False
    session: str = ""
    commit: str = ""

    @property
    def only_of(self) -> str:
        """The session whose records count alone; empty where all do."""
        return self.session if self.fresh else ""


def place(
    *,
    store: str | Path | None = None,
    data_root: str | Path | None = None,
    device: str = "cpu",
    fresh: bool = False,
    session: str = "",
    commit: str = "",
    elsewhere: bool = False,
    planned: bool = False,
) -> Place:
    """Decide by what was asked, else by ``HARNESS_STORE`` and ``HARNESS_DATA``, else for the user's cache.

    Args:
        store: the directory or file; data_root: the directory; device: the device.
        fresh: train everything anew; session: the session's name; commit: of the code.
        elsewhere: other machines compute, so that the device need not be of this one.
        planned: nothing is computed, so that it need be nowhere, and may be a kind of GPU.

    Raises:
        ValueError: no such directory, no such file of shipped records, no such device.
    """
    import platformdirs

    cache = platformdirs.user_cache_path("overclaim")
    kept = Path(store or os.environ.get("HARNESS_STORE") or cache / "store").absolute()
    if kept.suffix == ".gz" and not kept.exists():  # or a slip of the pen would start a store of that name
        name = "--store" if store else "HARNESS_STORE"
        raise ValueError(f"{name} {kept.name}: no such file of records; check its path or give a directory")
    data = data_root or os.environ.get("HARNESS_DATA")
    if data and not Path(data).is_dir():
        name = "--data-root" if data_root else "HARNESS_DATA"
        raise ValueError(f"{name} {data}: no such directory; put data sets there or leave it out")
    if fresh and kept.is_file():
        raise ValueError("--fresh trains everything anew, --store FILE only reads: leave one of them out")
    if not (planned and gpu_kinds.asked(device)):
        _check(
            device, elsewhere or (planned and device == "cuda"), f", or to plan {gpu_kinds.NAMES}" * planned
        )
    root = Path(data or cache / "data").absolute()
    return Place(store=kept, data_root=root, device=device, fresh=fresh, session=session, commit=commit)


def _check(device: str, elsewhere: bool, others: str = "") -> None:
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", device):
        raise ValueError(f"--device {device}: use cpu, cuda or cuda:0{others}")
    kind, _, number = device.partition(":")
    if kind == "cuda" and not elsewhere:
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            sees = f"{count} GPUs" if count else "no GPU"
            raise ValueError(
                f"--device {device}: torch {torch.__version__} sees {sees} here; use another or --device cpu"
            )


def processes(device: str, workers: int = 1) -> int:
    """Count the processes that may train at once: one per core, shared among so many workers, or per GPU.

    A worker is shown its share of the GPUs (``pinning.pin_share``), so it counts those.
    """
    if gpus := gpu_kinds.asked(device):
        return gpus.count
    if device.startswith("cuda"):
        return max(1, count_gpus()) if device == "cuda" else 1
    return max(1, provenance.cores() // workers)
