import numpy as np

from programs.parse import parse
from programs.probe import LAYOUT, NUDGE, TIMES, Probe, noise, respond


def test_noise_is_the_same_on_every_machine_and_version() -> None:
    assert noise(0)[0, :3].tolist() == [0.2360679774997898, -0.05572809000084078, 0.12461179749810825]


def test_noise_fills_its_range_and_never_repeats() -> None:
    numbers = np.concatenate([noise(stream).ravel() for stream in range(8)])
    assert len(np.unique(numbers)) == numbers.size
    counts, _ = np.histogram(numbers, bins=10, range=(-1, 1))
    assert counts.min() > 0.7 * numbers.size / 10
    assert counts.max() < 1.3 * numbers.size / 10
    assert np.abs(numbers).min() > 1e-5


def test_streams_are_unrelated() -> None:
    correlations = np.corrcoef([noise(stream).ravel() for stream in range(8)])
    assert np.abs(correlations - np.eye(8)).max() < 0.35


def test_a_rule_sees_the_probe_and_its_own_states_step_by_step() -> None:
    program = parse("def rule(w, g, m, lr, t, T):\n    m = m + g\n    return (m + w) * lr + t / T, m\n")
    lanes = np.array([1.0, 10.0])[:, None]
    gradients, weights = noise(0)[:, None] * lanes, noise(1)[:, None] * np.ones_like(lanes)
    rates = np.full((len(TIMES), 2, 1), 0.5)
    updates = respond(program, Probe(weights, gradients, rates))
    progress = np.array(TIMES)[:, None, None] / 1021
    np.testing.assert_allclose(updates, (gradients.cumsum(axis=0) + weights) * 0.5 + progress, rtol=1e-12)
    assert updates.shape == (len(TIMES), 2, LAYOUT.size)


def test_nudged_lanes_are_the_first_ones_but_for_a_nudge_of_all_they_are_shown() -> None:
    probe = Probe(noise(0)[:, None].repeat(2, 1), noise(1)[:, None].repeat(2, 1), np.full((len(TIMES), 2, 1), 0.5))
    inputs = {name: value.reshape(len(TIMES), 3, -1) for name, value in probe.and_nudged(1).inputs.items()}
    for name, value in inputs.items():
        shown, nudged = value[:, 0], value[:, 2]
        np.testing.assert_array_equal(value[:, 1], shown)
        growth = np.zeros_like(shown) if name in ("t", "T") else np.full_like(shown, NUDGE)
        np.testing.assert_allclose(np.abs(nudged / shown - 1), growth, rtol=1e-3)
    np.testing.assert_array_equal(inputs["w0"][0], inputs["w"][0])
