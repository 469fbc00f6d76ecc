"""The settings of every hypothesis test here: the same examples on every run, no deadline, no files."""

from __future__ import annotations

from hypothesis import settings

derandomized = settings(derandomize=True, deadline=None, database=None, max_examples=30)
