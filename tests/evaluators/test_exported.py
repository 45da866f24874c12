from __future__ import annotations

from pathlib import Path

import pytest
import torch

from evaluators.exported import BOUND, ExportedError, deviation, exported_losses
from evaluators.lanes import Lane
from evaluators.tasks import get
from evaluators.train import train
from programs import zoo
from programs.export import export
from programs.parse import parse

EVERYTHING = """
def everything(w, g, w0, h, m, k, lr, t, T, loss, *, beta=0.9):
    m = interp(g, m, beta)
    k = k + norm(w - w0) / rows(g)
    return (m / (abs(h) + 1) + 0.01 * w * loss + 0.01 * k * (1 - t / T) * g / global_norm(g)) * lr, m, k
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rule.py"


@pytest.mark.parametrize(("rule", "paths"), [("adamw", {"foreach", "loop"}), ("everything", {"loop"})])
def test_a_file_does_in_a_new_process_what_the_rule_does(file: Path, rule: str, paths: set[str]) -> None:
    program = parse(EVERYTHING) if rule == "everything" else zoo.load(rule)
    file.write_text(export(program, class_name="Exported"), encoding="utf-8")
    found = deviation(program, file, "Exported", steps=10)
    assert found.by_path.keys() == paths
    assert found.holds
    assert found.largest < BOUND / 1e4


def test_a_file_that_does_something_else_is_found_out(file: Path) -> None:
    source = export(zoo.load("lion"), class_name="Exported")
    file.write_text(source.replace("alpha=weight_decay", "alpha=1.01 * weight_decay"), encoding="utf-8")
    found = deviation(zoo.load("lion"), file, "Exported", steps=5)
    assert not found.holds
    assert found.by_path["foreach"] > 1e-5 > BOUND > found.by_path["loop"]


def test_a_file_reaches_the_losses_that_lanes_reach(file: Path) -> None:
    program = zoo.load("lion")
    file.write_text(export(program, class_name="Exported"), encoding="utf-8")
    found = exported_losses(file, "Exported", program, "digits_mlp", 1e-3, [3, 4], steps=30)
    lanes = [Lane(0, 1e-3, seed) for seed in (3, 4)]
    device = torch.device("cpu")
    traces = train(get("digits_mlp"), [program], lanes, steps=30, hopeless=1e9, device=device).traces
    assert found == pytest.approx([trace.validation for trace in traces], rel=1e-4)


def test_what_does_not_run_says_why(file: Path) -> None:
    file.write_text("class Exported:\n    def __init__(self, params, lr):\n        raise ValueError('no such luck')\n")
    with pytest.raises(ExportedError, match="no such luck"):
        deviation(zoo.load("sgd"), file, "Exported", steps=1)
    with pytest.raises(ValueError, match="Unknown task"):
        exported_losses(file, "Exported", zoo.load("sgd"), "nothing", 0.1, [1], steps=1)
