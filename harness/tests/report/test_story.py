"""The order of the story: every source of ours has its place, others come by year."""

from __future__ import annotations

from claims import papers
from harness.report import story
from harness.spec.claim import Paper
from harness.tests import reports


def test_every_source_has_one_place_in_the_story() -> None:
    keys = {value.key for value in vars(papers).values() if isinstance(value, Paper)}
    told = [key for chapter in story.CHAPTERS for key in chapter.keys]
    assert len(told) == len(set(told))
    assert set(told) == keys, "put a new paper into a chapter of harness/report/story.py"


def test_chapters_keep_what_is_there_and_name_the_rest() -> None:
    parts = story.chapters(["RIVER2017", "LI2018", "EPFL", "ZHANG2017"])
    assert [part.keys for part in parts] == [("ZHANG2017", "EPFL"), ("LI2018",), ("RIVER2017",)]
    assert parts[-1].title == story.FURTHER
    assert [part.title for part in story.chapters(["RIVER2017"])] == [""]
    assert story.ordered(reversed(reports.PAPERS)) == list(reports.PAPERS)
