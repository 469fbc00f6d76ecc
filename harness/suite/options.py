"""The options that the plugin adds to pytest's command line."""

from __future__ import annotations

import pytest


def add_options(parser: pytest.Parser) -> None:
    """Add them, in a group of their own."""
    group = parser.getgroup(
        "overclaim", "claims of papers, judged over trained models (name claims first, or write --store=DIR)"
    )
    group.addoption("--plan", action="store_true", help="print what would be trained, and stop")
    group.addoption("--no-train", action="store_true", help="judge what is there, and compute nothing")
    group.addoption(
        "--max-time",
        metavar="TIME",
        help="end with status 75 after so long (90s, 45min, 3.5h); repeated, it goes on",
    )
    group.addoption("--fresh", action="store_true", help="train everything anew, whatever the store holds")
    group.addoption(
        "--store",
        metavar="DIR",
        help="where records are kept (default: the user's cache); or a file of shipped records to judge",
    )
    group.addoption("--data-root", metavar="DIR", help="where data sets lie (default: the user's cache)")
    group.addoption("--device", default="cpu", metavar="NAME", help="cpu (default), cuda or cuda:1")
    group.addoption("--on", metavar="RAY", help="train on ray (a cluster of this machine) or ray=HOST:PORT")
    group.addoption("--report", metavar="DIR", help="write report.json, .md and .html there")
    group.addoption(
        "--costs", action="store_true", help="say below the verdicts what each family cost, and what was slow"
    )
    group.addoption(
        "--first-replicate",
        type=int,
        default=0,
        metavar="N",
        help="judge replicates N, N + 1, ... in place of 0, 1, ...; python -m harness fresh compares",
    )
