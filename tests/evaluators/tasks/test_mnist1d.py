from __future__ import annotations

import numpy as np

from evaluators.tasks.mnist1d import CLASSES, LENGTH, TRAIN, VALIDATION, curves


def test_every_digit_is_as_frequent_as_every_other_and_no_curve_is_there_twice() -> None:
    data = curves()
    inputs = np.concatenate([data.train.inputs, data.validation.inputs])
    targets = np.concatenate([data.train.targets, data.validation.targets])
    assert inputs.shape == (TRAIN + VALIDATION, LENGTH)
    assert np.ptp(np.bincount(targets, minlength=CLASSES)) <= 1
    assert len(np.unique(inputs, axis=0)) == len(inputs)


def test_heights_are_rounded_so_that_the_digest_is_the_same_on_every_machine() -> None:
    inputs = curves().train.inputs
    assert inputs.dtype == np.float32
    assert np.array_equal(inputs * 1024, np.round(inputs * 1024))
    assert 0.5 < np.abs(inputs).max() < 2


def test_another_seed_gives_other_curves_and_the_same_seed_the_same() -> None:
    assert np.array_equal(curves(3).train.inputs, curves.__wrapped__(3).train.inputs)
    assert not np.array_equal(curves(3).train.inputs, curves(4).train.inputs)


def test_a_digit_can_be_told_from_its_curve_wherever_on_the_curve_it_lies() -> None:
    """By the most similar of a few hundred, at any shift; a guess would be right once in ten times."""
    train, validation = curves().train, curves().validation
    known = np.fft.rfft(train.inputs[:2000], axis=1)
    size = np.linalg.norm(train.inputs[:2000], axis=1)
    right = 0
    for curve, target in zip(validation.inputs[:100], validation.targets[:100], strict=True):
        similar = np.fft.irfft(known * np.conj(np.fft.rfft(curve)), LENGTH, axis=1).max(axis=1) / size
        right += train.targets[int(similar.argmax())] == target
    assert right > 40
