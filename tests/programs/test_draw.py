from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from programs.draw import CONSTANTS, DAMPING, OP_WEIGHTS, RATES, Wheel, perturbed, pick, random_constant
from programs.ops import OPS

SEEDS = st.integers(0, 2**32 - 1)


def test_every_operation_has_a_weight() -> None:
    assert OP_WEIGHTS.keys() == OPS.keys()
    assert min(OP_WEIGHTS.values()) > 0


def test_a_wheel_draws_in_proportion_to_its_weights() -> None:
    rng = np.random.default_rng(0)
    wheel = Wheel({"often": 6, "never": 0, "seldom": 2})
    counts = Counter(wheel.spin(rng) for _ in range(8000))
    assert counts.keys() == {"often", "seldom"}
    assert abs(counts["seldom"] - 2000) < 200


def test_pick_is_fair() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(pick(rng, "abcd") for _ in range(8000))
    assert all(abs(counts[letter] - 2000) < 200 for letter in "abcd")


@given(SEEDS)
def test_constants_are_customary_or_within_reach_and_short(seed: int) -> None:
    value = random_constant(np.random.default_rng(seed), "mul", 1).value
    assert value in CONSTANTS or 1e-8 <= abs(value) <= 100
    assert float(f"{value:.2g}") == value
    assert type(value) is float


def test_the_share_of_an_average_is_a_rate() -> None:
    rng = np.random.default_rng(0)
    assert {random_constant(rng, "interp", 2).value for _ in range(200)} == set(RATES)
    assert {random_constant(rng, "interp", 1).value for _ in range(200)} - set(RATES)


def test_roots_of_matrices_are_of_customary_order_and_damped() -> None:
    rng = np.random.default_rng(0)
    assert {random_constant(rng, "inverse_root", 1).value for _ in range(50)} == {2.0, 4.0}
    assert {random_constant(rng, "inverse_root", 2).value for _ in range(100)} == set(DAMPING)


@given(SEEDS, st.floats(0.5, 1, exclude_min=True, exclude_max=True))
def test_a_rate_stays_a_rate_unless_its_sign_flips(seed: int, rate: float) -> None:
    value = perturbed(np.random.default_rng(seed), rate)
    assert value == -rate or 0 < value <= 1
    assert type(value) is float


def test_the_distance_of_a_rate_from_one_changes_by_a_factor() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([perturbed(rng, 0.999) for _ in range(2000)])
    spread = np.log2((1 - drawn[drawn > 0]) / 0.001)
    assert abs(np.mean(spread)) < 0.1
    assert abs(np.std(spread) - 1) < 0.1


@given(SEEDS, st.sampled_from([1e-8, 0.01, 0.5, 1.0, 3.0, -0.1, -40.0]))
def test_other_constants_keep_their_sign_and_size_up_to_a_factor_or_just_flip(seed: int, old: float) -> None:
    value = perturbed(np.random.default_rng(seed), old)
    assert value == -old or 2**-6 < value / old < 2**6
    assert value == -old or float(f"{value:.2g}") == value


def test_signs_flip_rarely() -> None:
    rng = np.random.default_rng(0)
    flips = sum(perturbed(rng, 2.0) < 0 for _ in range(4000))
    assert 100 < flips < 300


@given(SEEDS)
def test_zero_becomes_something_small(seed: int) -> None:
    assert 1e-8 <= perturbed(np.random.default_rng(seed), 0.0) <= 1
