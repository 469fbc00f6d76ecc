"""How claims about exact arithmetic search for counterexamples."""

from hypothesis import Phase
from hypothesis import settings

EXACT = settings(max_examples=60, phases=(Phase.generate, Phase.shrink))
"""Sixty examples; a counterexample is made small, and not explained, for which tracing takes long."""
