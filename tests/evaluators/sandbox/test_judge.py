from __future__ import annotations

import numpy as np
import pytest
import torch

from evaluators import tasks
from evaluators.evaluate import measure
from evaluators.job import Job, Race
from evaluators.sandbox.judge import judge
from evaluators.sandbox.wire import Case

CASE = Case(task="digits_mlp", seeds=(0, 1), device="cpu")
TASK = tasks.get("digits_mlp")


def start(seeds: tuple[int, ...] = (0, 1)) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.stack([TASK.initial_weights(seed) for seed in seeds])


def with_count(count: int) -> Case:
    return CASE.model_copy(update={"count": count})


def test_the_judge_says_what_the_task_is_without_any_weights() -> None:
    facts = judge(CASE, np.empty(0, np.float32))
    assert (facts.task_version, facts.device) == (TASK.version, "cpu")
    assert (facts.steps, facts.size, facts.losses) == (TASK.steps, TASK.layout.size, ())
    assert facts.initial == pytest.approx(TASK.validate(torch.tensor(start())).tolist())


def test_initial_weights_have_the_initial_losses() -> None:
    judgement = judge(with_count(1), start()[None])
    assert judgement.losses == (judgement.initial,)


def test_what_an_honest_worker_claims_is_what_its_weights_give(rules: dict[str, str]) -> None:
    job = Job(programs=(rules["adamw"], rules["nan"], rules["sgd"]), task="digits_mlp", budget=0.1, device="cpu")
    done = measure(job.model_copy(update={"race": Race(learning_rates=(0.01, 0.1))}))
    kept = [weights for weights in done.weights if weights is not None]
    assert [weights is None for weights in done.weights] == [False, True, False]
    judgement = judge(with_count(2), np.stack(kept))
    claimed = [result.losses for result in done.report.results if result.losses]
    for claim, losses in zip(claimed, judgement.losses, strict=True):
        assert claim == pytest.approx(losses, rel=1e-5)


def test_company_changes_no_bit_of_a_judgement() -> None:
    rng = np.random.default_rng(0)
    cases = start() + rng.standard_normal((5, 2, TASK.layout.size)).astype(np.float32) * 0.1
    together = judge(with_count(5), cases).losses
    assert together == tuple(judge(with_count(1), own[None]).losses[0] for own in cases)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_weights_without_a_finite_loss_have_none(bad: float) -> None:
    weights = start()
    weights[1, :] = bad
    ((fine, lost),) = judge(with_count(1), weights[None]).losses
    assert fine is not None
    assert lost is None


def test_an_unknown_device_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="warp"):
        judge(CASE.model_copy(update={"device": "warp"}), np.empty(0, np.float32))
