"""Which engine trains what, and that it does not matter to who asks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from evaluators import engines, tasks
from evaluators.cuda.images import unavailable
from evaluators.evaluate import evaluate
from evaluators.job import Engine, Job, Outcome, Race
from evaluators.lanes import Fate, Lane
from evaluators.native import build
from programs.parse import parse

CPU = torch.device("cpu")
DIGITS = tasks.get("digits_mlp")
CURVED = "def curved(w, g, h, lr):\n    return g / (abs(h) + 1) * lr\n"

needs_library = pytest.mark.skipif(bool(build.unavailable()), reason=build.unavailable())


def job(*programs: str, engine: str = "auto") -> Job:
    race = Race(learning_rates=(1e-2, 1e-1))
    return Job(programs=programs, task="digits_mlp", race=race, budget=0.2, device="cpu", engine=Engine(engine))


@needs_library
def test_programs_of_both_engines_are_served_in_one_call_and_in_order(rules: dict[str, str]) -> None:
    programs = [parse(CURVED), parse(rules["sgd"]), parse(CURVED), parse(rules["adamw"])]
    lanes = [Lane(index, rate, 0) for index in range(4) for rate in (1e-2, 1e-3)]
    serving = engines.choose(Engine.AUTO, DIGITS, CPU)
    found = engines.train(DIGITS, programs, lanes, serving=serving, steps=20, hopeless=1.2, device=CPU)
    assert [trace.lane for trace in found.traces] == lanes
    assert set(found.seconds) == {0, 1, 2, 3}
    np.testing.assert_array_equal(found.traces[0].losses, found.traces[4].losses)
    assert all(trace.fate is Fate.FINISHED for trace in found.traces)


@needs_library
def test_a_report_says_what_trained_each_program(rules: dict[str, str]) -> None:
    fast = evaluate(job(rules["sgd"], CURVED, "def f(")).results
    assert [result.engine for result in fast] == [Engine.NATIVE, Engine.TORCH, None]
    slow = evaluate(job(rules["sgd"], CURVED, engine="torch")).results
    assert [result.engine for result in slow] == [Engine.TORCH, Engine.TORCH]
    assert slow[0].losses == pytest.approx(fast[0].losses, rel=1e-3)
    assert slow[1].losses == fast[1].losses


@needs_library
def test_a_gpu_is_for_the_cuda_engine_where_its_compiler_is_installed() -> None:
    serving = engines.choose(Engine.AUTO, DIGITS, torch.device("cuda"))
    assert serving.engine is (Engine.CUDA if unavailable() == "" else Engine.TORCH)
    assert serving.reason == unavailable()
    with pytest.raises(ValueError, match="does not run on cuda"):
        engines.choose(Engine.NATIVE, DIGITS, torch.device("cuda"))
    with pytest.raises(ValueError, match="does not run on cpu"):
        engines.choose(Engine.CUDA, DIGITS, torch.device("cpu"))


WITHOUT = """
from evaluators.evaluate import evaluate
from evaluators.job import Engine, Job, Race
settings = dict(programs=("def sgd(w, g, lr):\\n    return g * lr\\n",), task="digits_mlp", budget=0.1, device="cpu")
report = evaluate(Job(**settings, race=Race(learning_rates=(1e-2, 1e-1))))
print(report.results[0].outcome, report.results[0].engine)
try:
    evaluate(Job(**settings, engine=Engine.NATIVE))
except ValueError as error:
    print(error)
"""


def test_where_there_is_no_compiler_torch_serves_and_whoever_insists_is_told_why() -> None:
    environment = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), "SAVANNA_CXX": "no-such-compiler"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    first, second = done.stdout.splitlines()
    assert first == f"{Outcome.SCORED} {Engine.TORCH}"
    assert "no-such-compiler" in second
