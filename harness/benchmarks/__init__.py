"""How fast the engine is, measured side by side with what a person would write instead.

Everything goes through the public path (``harness.lab.lab.Lab``), so the figures hold for whatever kernel the
engine chooses. ``python -m harness.benchmarks`` writes ``reports/speed.json`` and ``reports/speed.md``.
"""
