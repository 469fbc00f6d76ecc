"""What a session says of itself: the command as it was given, and nothing of this machine."""

from __future__ import annotations

import platform

import msgspec
import pytest

from harness.evidence.schema import encode
from harness.suite.reporting import _without_paths, without_places
from harness.tests.reports import claim, every_kind, report


@pytest.mark.parametrize(
    "arguments, shown",
    [
        (["claims", "-m", "quick"], ["claims", "-m", "quick"]),
        (["/home/me/claims", "-q"], ["DIR", "-q"]),
        (["--store", "/data/store", "-x"], ["--store", "DIR", "-x"]),
        (["--tx", "ssh=me@host//python=python3", "-q"], ["--tx", "DIR", "-q"]),
        (["--tx=ssh=me@host"], ["--tx=DIR"]),
        (["--on", "ray=box-7.lab:6379", "-q"], ["--on", "ray=HOST:PORT", "-q"]),
        (["--on=ray=box-7.lab:6379"], ["--on=ray=HOST:PORT"]),
        (["--on", "ray", "--on=ray=auto"], ["--on", "ray", "--on=ray=auto"]),
        (["--report=/data/report", "--basetemp=/x"], ["--report=DIR", "--basetemp=DIR"]),
    ],
)
def test_folders_of_this_machine_are_left_out_of_the_command(arguments: list[str], shown: list[str]) -> None:
    assert _without_paths(arguments) == shown


@pytest.mark.parametrize(
    "reason, shown",
    [
        (
            "cannot write to the store /home/me/store: No space left",
            "cannot write to the store …/store: No space left",
        ),
        ("FileNotFoundError: '/data/x.npz' (errno 2)", "FileNotFoundError: '…/x.npz' (errno 2)"),
        (
            "see https://x.org/a/b, mean/std/n, 1/(2), and/or, /x",
            "see https://x.org/a/b, mean/std/n, 1/(2), and/or, /x",
        ),
    ],
)
def test_no_text_of_a_report_names_a_folder_of_this_machine(reason: str, shown: str) -> None:
    cleaned = without_places(report(claim(reason=reason)))
    assert cleaned.claims[0].reason == shown
    assert without_places(cleaned) == cleaned


def test_no_text_of_a_report_names_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "box-7.lab")
    one = without_places(report(claim(reason="refused by box-7.lab (not by box-7.labs)")))
    assert one.claims[0].reason == "refused by HOST (not by box-7.labs)"


def test_what_names_nothing_of_the_machine_stays_as_it_is() -> None:
    whole = report(*every_kind())
    assert encode(without_places(whole)) == encode(whole)
    assert msgspec.structs.asdict(without_places(whole)) == msgspec.structs.asdict(whole)
