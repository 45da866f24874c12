from __future__ import annotations

import numpy as np

from programs import zoo
from programs.probe import LAYOUT
from programs.run import NUMPY, Runner
from programs.trajectory import LANES, follow, shown


def test_it_shows_how_a_training_begins_and_ends() -> None:
    times, horizons, rates = (shown(name)[..., 0] for name in ("t", "T", "lr"))
    assert np.all(np.diff(times, axis=0) > 0)
    assert np.all(times < horizons)
    assert np.all(rates[-1] < 0.01 * rates.max(axis=0))
    np.testing.assert_array_equal(shown("w0"), np.broadcast_to(shown("w0")[:1], shown("w0").shape))


def test_gradients_turn_around_and_units_die_and_wake_up() -> None:
    gradients = shown("g")
    norms = np.linalg.norm(gradients, axis=2, keepdims=True)
    cosines = np.einsum("slx,tlx->lst", gradients / norms, gradients / norms)
    assert cosines.min() < -0.3
    live = gradients != 0
    assert np.any(live[0] & ~live[-1])
    assert np.any(~live[0] & live[-1])
    assert np.any(~live.any(axis=0))


def test_a_known_rule_moves_in_every_step_that_is_shown() -> None:
    found = follow(Runner(zoo.load("adamw"), LAYOUT, NUMPY))
    assert found.shape == (10, len(LANES), LAYOUT.size)
    assert np.isfinite(found).all()
    assert np.all(np.abs(found).max(axis=2) > 0)
