"""The raw program that became Lion comes out as Lion, up to constants, by training alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from discovery.funnel.lab import Lab
from discovery.funnel.lift import lift
from discovery.funnel.regroup import regrouped
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.simplification import simplification
from discovery.funnel.statistics import LEVEL
from programs import zoo
from raw_lion import is_lion, raw_lion

SETTINGS = Settings(validation=(), tuned=(), tests=(), screen_seeds=4, simplify_seeds=14, margin=0.015)


def test_the_raw_program_becomes_lion_up_to_constants(
    make_lab: Callable[..., Lab], trainer: Callable[..., Trainer], dense: str
) -> None:
    lab, program = make_lab(), lift(regrouped(raw_lion()))
    assert not is_lion(program)
    (found,) = lab.run("simplify", [simplification(program, {dense: 14.0}, trainer(budget=0.5), SETTINGS)])
    assert is_lion(found.program)
    changes = " | ".join(step.what for step in found.steps)
    assert "becomes sign" in changes
    assert "clip_by_global_norm" in changes
    assert "arcsin" in changes
    assert found.confirmed is not None
    assert found.confirmed.p <= LEVEL
    assert found.rate_factor < 1e-2, "its step was so much smaller than its learning rate"


def test_what_a_rule_needs_is_not_left_out(
    make_lab: Callable[..., Lab], trainer: Callable[..., Trainer], dense: str
) -> None:
    settings = replace(SETTINGS, simplify_seeds=6)
    (found,) = make_lab().run(
        "simplify", [simplification(zoo.load("momentum"), {dense: 0.1}, trainer(budget=0.25), settings)]
    )
    assert any(instr.op == "mul" for instr in found.program.body)
    assert found.program.states == ("m",), "plain gradient descent with this learning rate is slower by far"


def test_a_rule_that_fails_cannot_be_simplified(make_lab: Callable[..., Lab], trainer: Callable[..., Trainer]) -> None:
    program = lift(regrouped(raw_lion()))  # divides zero by zero where a pixel is always dark
    settings = replace(SETTINGS, simplify_seeds=3)
    (found,) = make_lab().run("simplify", [simplification(program, {"digits_mlp": 14.0}, trainer(), settings)])
    assert found.steps == ()
    assert found.confirmed is None
