"""The cart and its pole against their energy, policies against plain loops, and the search."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic import cart_pole as c
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized


def energy(state: np.ndarray) -> float:
    """Kinetic and potential energy of the cart and of a thin rod (inertia m l^2 / 3 about its middle)."""
    _, speed, angle, turning = state
    middle = speed**2 + 2 * c.HALF_LENGTH * speed * turning * np.cos(angle) + (c.HALF_LENGTH * turning) ** 2
    rod = c.POLE * middle / 2 + c.POLE * (c.HALF_LENGTH * turning) ** 2 / 6
    return float(c.CART * speed**2 / 2 + rod + c.POLE * c.GRAVITY * c.HALF_LENGTH * np.cos(angle))


numbers = st.floats(-0.5, 0.5)


@derandomized
@given(speed=numbers, angle=numbers, turning=numbers, force=st.floats(-10, 10))
def test_the_change_of_energy_is_force_times_speed(
    speed: float, angle: float, turning: float, force: float
) -> None:
    state = np.array([0.0, speed, angle, turning])
    rate = (c.moved(state, np.array(force)) - state) / c.SECONDS
    tiny = 1e-6
    gained = (energy(state + tiny * rate) - energy(state - tiny * rate)) / (2 * tiny)
    np.testing.assert_allclose(gained, force * speed, atol=1e-6)


def test_scores_are_those_of_a_plain_loop() -> None:
    draws = stream(1000, "simulation")
    theta, starts = draws.standard_normal((3, c.parameters())), c.begun(5, draws)
    scores = c.balanced(theta, starts, steps=60, force=10.0)
    for policy, score in zip(theta, scores, strict=True):
        kept = []
        for state in starts:
            steps = 0
            for _ in range(60):
                values = state
                nets = c.layers(policy[None])
                for i, (matrix, biases) in enumerate(nets):
                    values = values @ matrix[0] + biases[0, 0]
                    values = np.tanh(values) if i < len(nets) - 1 else values
                state = c.moved(state, np.array(10.0 if values[1] > values[0] else -10.0))
                if abs(state[2]) >= c.UPRIGHT or abs(state[0]) >= c.TRACK:
                    break
                steps += 1
            kept.append(steps / 60)
        np.testing.assert_allclose(score, np.mean(kept))


def test_a_policy_scores_the_same_in_any_company() -> None:
    """Those that keep no pole up any more leave the computation; the others must not notice."""
    draws = stream(1000, "simulation")
    theta, starts = 3 * draws.standard_normal((40, c.parameters())), c.begun(6, draws)
    scores = c.balanced(theta, starts, steps=100, force=10.0)
    alone = [c.balanced(policy[None], starts, steps=100, force=10.0)[0] for policy in theta]
    assert scores.tolist() == alone
    assert len(set(alone)) > 5  # they fall at different times


def test_policies_have_the_weights_of_the_paper() -> None:
    assert c.parameters() == 562
    assert sum(m[0].size + b[0].size for m, b in c.layers(np.zeros((1, 562)))) == 562


def test_rows_of_a_projection_have_norm_one() -> None:
    rows = c.subspace(4, 562, stream(1000, "simulation"))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1)


def test_the_search_finds_the_top_of_a_hill() -> None:
    top = np.array([0.7, -0.4])

    def score(tried: dict[int, c.Tried]) -> dict[int, np.ndarray]:
        return {i: 1 - ((points - top) ** 2).sum(axis=1) for i, (points, _) in tried.items()}

    (best,) = c.side_by_side([c.searched(2, 8, 1.0, stream(1000, "simulation"))], score)
    np.testing.assert_allclose(best, top, atol=0.15)


def test_searches_come_by_the_same_side_by_side_and_alone() -> None:
    """Whoever never fails ends sooner; the others go on."""

    def score(tried: dict[int, c.Tried]) -> dict[int, np.ndarray]:
        return {i: np.minimum(1.0, 1.2 - 0.4 * len(p[0]) * p.std(axis=1)) for i, (p, _) in tried.items()}

    def searches() -> list[Any]:
        return [c.searched(d, 8, 1.0, stream(1000 + d, "simulation")) for d in (2, 3, 4)]

    alone = [c.side_by_side([search], score)[0] for search in searches()]
    together = c.side_by_side(searches(), score)
    assert [best.tolist() for best in together] == [best.tolist() for best in alone]


def test_each_policy_may_have_starts_of_its_own() -> None:
    draws = stream(1000, "simulation")
    theta, starts = (
        3 * draws.standard_normal((4, c.parameters())),
        np.array([c.begun(6, draws) for _ in range(4)]),
    )
    scores = c.balanced(theta, starts, steps=100, force=10.0)
    alone = [c.balanced(*one, steps=100, force=10.0)[0] for one in zip(theta[:, None], starts, strict=True)]
    assert scores.tolist() == alone


def test_a_motor_balances_in_nine_dimensions_and_nothing_does_without() -> None:
    results = c.pole_balancing(stream(1000, "simulation"), dimensions=(9,))
    without = c.pole_balancing(stream(1000, "simulation"), dimensions=(1, 9), force=0.0)["scores"]
    assert results["scores"][0] > 0.9 > 0.4 > max(without)
    assert without[0] == without[1]  # the pole falls by itself, whatever the policy
