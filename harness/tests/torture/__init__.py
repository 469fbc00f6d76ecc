"""Torture: kills, lost power, full disks and hostile files, at random moments of a seed, within some minutes.

``tox -e torture`` or ``python -m harness.tests.torture``; figures go into ``reports/torture.md``. Only the
simulation of lost power also runs, briefly, with the instrument's other tests.
"""
