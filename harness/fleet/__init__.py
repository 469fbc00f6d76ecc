"""How a run, or a fleet of equal shape, is trained: optimizers, and a kernel for each device and shape."""

SEMANTICS = 1
"""Version of the trainer's arithmetic; part of every address. A test pins the trainer's code to it."""
