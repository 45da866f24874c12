"""The worked example of docs/evaluation.md."""

from __future__ import annotations

import importlib.util
import math
import re
from pathlib import Path

import pytest

from evaluators import tasks
from evaluators.device import choose
from evaluators.lanes import Fate, Lane
from evaluators.tasks.task import Task
from evaluators.train import train
from programs import zoo

ROOT = Path(__file__).parents[3]
LONGEST = 120


@pytest.fixture
def example(tmp_path: Path) -> Path:
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "tumours.py"
    path.write_text(code, encoding="utf-8")
    return path


def test_every_family_is_named() -> None:
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert [name for name in tasks.names() if f"`{name.removesuffix('_long')}`" not in text] == []


def test_the_example_is_a_task_in_one_short_file_that_adamw_learns(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) < LONGEST
    spec = importlib.util.spec_from_file_location("tumours", example)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    task, longer = module.TASKS
    assert isinstance(task, Task)
    assert (longer.name, longer.steps) == ("tumours_mlp_long", 4 * task.steps)
    lanes = [Lane(0, 1e-2, seed) for seed in (0, 1)]
    adamw = zoo.load("adamw")
    traces = train(task, [adamw], lanes, steps=task.steps, hopeless=1.2, device=choose("cpu")).traces
    for trace in traces:
        assert trace.fate is Fate.FINISHED
        assert trace.losses[0] == pytest.approx(math.log(2), rel=0.3)
        assert trace.validation < 0.2
    assert task.variant(width=2).layout.size > 1.9 * task.layout.size
