from __future__ import annotations

import torch

from evaluators.step_time import MODELS, REFERENCE, StepTime, _middle, _Watch, step_times


def test_every_optimizer_is_measured_on_every_model() -> None:
    times = step_times(2, "cpu", lambda _: None)
    by_name = {(each.model, each.optimizer): each for each in times}
    assert {model for model, _ in by_name} == set(MODELS)
    for model in MODELS:
        assert by_name[model, REFERENCE].ratio.median == 1.0
        kept = {name: by_name[model, name].state_per_weight for name in ("exported AdamW", "exported Lion", REFERENCE)}
        assert kept == {"exported AdamW": 2.0, "exported Lion": 1.0, REFERENCE: 2.0}
    large = next(iter(MODELS))
    assert by_name[large, "exported AdamW"].extra_per_weight < 0.1 < by_name[large, REFERENCE].extra_per_weight
    assert all(isinstance(each, StepTime) and each.milliseconds.low > 0 for each in times)


def test_the_interval_of_a_median_needs_no_distribution() -> None:
    middle = _middle([float(x) for x in range(101)])
    assert (middle.low, middle.median, middle.high) == (40.0, 50.0, 61.0)
    few = _middle([3.0, 1.0, 2.0])
    assert (few.low, few.median, few.high) == (1.0, 2.0, 3.0)


def test_the_peak_counts_what_lives_at_one_time() -> None:
    x = torch.zeros(1000)
    with _Watch() as watch:
        y = x + 1
        y.add_(1)
        z = y * 2
        del y
        z = z * 2
        del z
    assert watch.peak == 2 * 4000
