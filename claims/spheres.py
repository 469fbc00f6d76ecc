"""Random ReLU features on the sphere: how their risk is simulated, read, and foretold by its limit."""

from __future__ import annotations

from claims.sweeps import at
from claims.sweeps import numbers
from claims.texts import adding
from harness import Measured
from harness import Results
from harness import Simulation
from harness import Tiers
from harness.analytic.mei_montanari import asymptotic_risk
from harness.analytic.mei_montanari import sphere_risks

RELU_RATIOS = (0.1, 0.3, 0.5, 0.9, 1.0, 1.1, 1.5, 2.0, 5.0, 12.0)
HELD_RATIOS = (0.5, 1.0, 2.0, 5.0)
SPHERE_ADAPTED = adding(
    "a simulation of our own", {"quick": "d = 100, n = 300", "standard": "d = 300, n = 900"}
)


def relu(penalty: float, ratios: tuple[float, ...] = RELU_RATIOS, draws: int = 4) -> Tiers:
    """Random ReLU features on the sphere, n = 3 d, noise of deviation half the signal's."""
    shared = {"noise": 0.25, "penalty": penalty, "draws": draws}
    sizes = {"quick": 100, "standard": 300}
    params = {t: {**shared, "d": d, "n": 3 * d, "widths": numbers(3 * d, *ratios)} for t, d in sizes.items()}
    return Tiers(**{tier: Simulation(sphere_risks, settings) for tier, settings in params.items()})


def relu_risks(run: Results) -> dict[float, Measured]:
    """The risk at every N / n."""
    settings = dict(run.runs[0].value.params)
    ratios = [width / settings["n"] for width in settings["widths"]]
    return {r: at(run, "risk", i, of=f"N/n={r:g}") for i, r in enumerate(ratios)}


def predicted(r: float, penalty: float, noise: float = 0.25, signal: float = 1.0) -> float:
    """The limit at N = r n; noise and signal are variances."""
    return asymptotic_risk(3 * r, 3.0, penalty, noise, signal)
