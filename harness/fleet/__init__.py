"""Fleets: which runs train together, and how one is trained."""

SEMANTICS = 1
"""Version of the trainer's arithmetic; part of every address. A test pins the trainer's code to it."""
