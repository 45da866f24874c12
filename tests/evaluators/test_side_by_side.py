import numpy as np
import pytest

from evaluators.side_by_side import RUNS, STEPS, losses
from programs.parse import parse

NUDGE = 2.0**-20
DESCENT = parse("def a(g, lr):\n    return g * lr\n")
STILL = parse("def b(w, g, w0, lr):\n    return (w - w0) * lr + g * 0\n")


def test_a_nudge_shows_but_little_and_every_one_otherwise() -> None:
    curves = losses([DESCENT], [(0.01,)], NUDGE)
    assert curves.shape == (STEPS, 1, 1, RUNS)
    apart = np.abs(curves[:, 0, 0, 1:] - curves[:, 0, 0, :1]).max(axis=0)
    assert (apart > 0).all()
    assert (apart < 1e-4).all()
    assert len(set(apart.tolist())) == RUNS - 1


def test_the_initial_weights_that_a_rule_is_shown_are_nudged_with_the_weights() -> None:
    curves = losses([STILL], [(1.0,)], 0.5)
    still = parse("def c(g, lr):\n    return g * 0\n")
    np.testing.assert_array_equal(curves, losses([still], [(1.0,)], 0.5))


def test_a_run_of_huge_weights_is_lost_whatever_its_loss() -> None:
    fleeing = parse("def f(w, g, lr):\n    return g * 0 + lr * (1 + w * w * 0)\n")  # all weights go the same way
    near, far = losses([fleeing], [(1.0, 1e5)], NUDGE)[:, 0].transpose(1, 0, 2)
    assert near.max() < far.max() == pytest.approx(2 * near[0, 0], rel=1e-6)
    np.testing.assert_array_equal(far[20:], far.max())


def test_learning_rates_are_in_double_precision() -> None:
    same = parse("def d(g, lr):\n    return g * (lr / square(sqrt(lr))) * lr\n")
    curves = losses([DESCENT, same], [(0.01,)] * 2, NUDGE)
    np.testing.assert_allclose(curves[:, 0], curves[:, 1], rtol=1e-10)
