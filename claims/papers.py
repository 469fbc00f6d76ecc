"""The papers as values; a claim cites one of them."""

from __future__ import annotations

from harness.claim import Paper

ZHANG2017 = Paper(
    key="ZHANG2017",
    authors="Chiyuan Zhang, Samy Bengio, Moritz Hardt, Benjamin Recht, Oriol Vinyals",
    title="Understanding deep learning requires rethinking generalization",
    venue="ICLR 2017, arXiv 1611.03530",
    year=2017,
    url="https://arxiv.org/abs/1611.03530",
)

EPFL = Paper(
    key="EPFL",
    authors="Wang, Wang, Wang",
    title="Reproduction of Understanding Deep Learning Requires Rethinking Generalization",
    venue="EPFL, project report of the course EE-411",
    year=None,
    url="https://github.com/Bohan7/Reproduction-of-Understanding-Deep-Learning-Requires-Rethinking-Generalization",
)

OVERCLAIM = Paper(
    key="OVERCLAIM",
    authors="the authors of this suite",
    title="What the sources leave unsaid: counter-claims and limits of our own",
    venue="this repository",
    year=2026,
    url="",
)
