from __future__ import annotations

import math

import pytest

from discovery.bench.evaluator import RULES, Effort, bench
from evaluators.job import Engine

TINY = Effort(rounds=2, seconds=0.002, mutants=1, budget=0.02)


@pytest.mark.parametrize("engine", [Engine.AUTO, Engine.TORCH])
def test_the_bench_measures_the_engine_that_was_asked_for(engine: Engine) -> None:
    said: list[str] = []
    speed = bench(["digits_mlp"], "cpu", engine, TINY, said.append)
    (task,) = speed.tasks
    assert engine in (Engine.AUTO, task.engine)
    assert (task.bandwidth_share is None) == (task.engine != "native")
    assert set(task.rules) == set(RULES)
    for rule in task.rules.values():
        assert rule.lowest <= rule.speedup_vs_torch_loop <= rule.highest
        assert rule.us_per_step > 0
    assert min(task.candidates_per_s, task.candidates_per_s_racing, task.matmul_share, speed.peak_gflops) > 0
    assert math.isfinite(task.matmul_share)
    assert said[-1] == "digits_mlp: racing"


def test_a_task_that_nobody_knows_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="imagenet"):
        bench(["imagenet"], "cpu", Engine.AUTO, TINY, lambda _: None)
