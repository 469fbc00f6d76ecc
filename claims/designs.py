"""Least squares on drawn Gaussian features: how its risk is simulated, read, and foretold by a formula."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable

from claims.sweeps import at
from harness import Measured
from harness import Results
from harness import Simulation
from harness import smaller_of
from harness.analytic.gaussian_designs import ApproximationBias
from harness.analytic.gaussian_designs import PowerLaw
from harness.analytic.gaussian_designs import sample_risks
from harness.analytic.gaussian_designs import width_risks
from harness.analytic.risks import Risk
from harness.analytic.risks import ridgeless

RATIOS = (0.05, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.5, 1.8, 2.0, 3.0, 5.0)
SIZES = (0.2, 0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 4.0)
TARGETS = ("strong signal", "weak signal", "equal weights", "weights 1/j", "weights 1/j^2", "slow", "fast")
STRONG, WEAK, EQUAL, SORTED, STEEP, SLOW, FAST = TARGETS
NOISE_OF = {STRONG: 0.2, WEAK: 1.0}


def widths(
    n: int, designs: int, *, ridge: bool = False, kinds: int = 7, noises: Iterable[float] = NOISE_OF.values()
) -> Simulation:
    """Risks over p / n in ``RATIOS`` for the kinds of targets in ``TARGETS``, or the first few of them."""
    few, every = n // 5, 5 * n
    targets = (
        *(PowerLaw(few, noise) for noise in noises),
        *(PowerLaw(every, 0.04, decay) for decay in (0.0, 1.0, 2.0)),
        *(ApproximationBias(exponent, 0.2) for exponent in (1.0, 5.0)),
    )
    params = {"widths": tuple(round(r * n) for r in RATIOS), "targets": targets[:kinds]}
    return Simulation(width_risks, {"n": n, "designs": designs, "ridge": ridge, **params})


def sizes(d: int, designs: int, *, ridge: bool = False, noise: float = 0.25) -> Simulation:
    """Risks over n / d in ``SIZES``; the noise's deviation is half the coefficients' norm, or as said."""
    params = {"sizes": tuple(round(s * d) for s in SIZES), "noise": noise}
    return Simulation(sample_risks, {"d": d, "designs": designs, "ridge": ridge, **params})


def risk(run: Results, target: str, r: float, measure: str = "risk") -> Measured:
    """The risk at p = r n."""
    return at(run, measure, TARGETS.index(target), RATIOS.index(r), of=f"p/n={r:g}")


def best(run: Results, target: str, where: Callable[[float], bool]) -> Measured:
    """The lowest risk among the widths p = r n with ``where(r)``; at p = n there is no mean."""
    return smaller_of(*(risk(run, target, r) for r in RATIOS if r != 1.0 and where(r)))


def lowest_by_formula(run: Results, target: str, where: Callable[[float], bool]) -> Measured:
    """The risk at that width p = r n with ``where(r)`` at which the formula is lowest."""
    places = [r for r in RATIOS if r != 1.0 and where(r)]
    return risk(run, target, min(places, key=lambda r: theory(run, target, r, ridgeless).mean))


def before(r: float) -> bool:
    """Is a width p = r n below the number n of examples?"""
    return r < 1


def beyond(r: float) -> bool:
    """Is a width p = r n above the number n of examples?"""
    return r > 1


def theory(run: Results, target: str, r: float, formula: Callable[..., Risk], louder: float = 1.0) -> Risk:
    """What a formula says at p = r n, for noise of so many times the simulation's variance."""
    params = dict(run.runs[0].value.params)
    n, kind = params["n"], params["targets"][TARGETS.index(target)]
    p = round(r * n)
    inside = float(kind.squares(n, p).sum())
    return formula(n, p, inside, louder * kind.noise, max(0.0, 1.0 - inside))


def by_size(run: Results, s: float, measure: str = "risk") -> Measured:
    """The risk at n = s d."""
    return at(run, measure, SIZES.index(s), of=f"n/d={s:g}")
