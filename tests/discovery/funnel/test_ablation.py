from __future__ import annotations

import pytest

from discovery.funnel.ablation import rounding, size, structural
from discovery.funnel.lift import lift
from discovery.funnel.shapes import standard_forms
from programs import zoo
from programs.canon import simplify, structure
from programs.check import check
from programs.parse import parse
from programs.show import show


@pytest.mark.parametrize("name", ["adamw", "lion", "muon", "adafactor", "prodigy"])
def test_every_change_is_legal_simpler_and_another_rule(name: str) -> None:
    rule = simplify(zoo.load(name))
    edits = [*structural(rule), *rounding(rule)]
    assert edits
    for edit in edits:
        check(edit.program)
        assert size(edit.program) < size(rule)
        lost = len(rule.hypers) - len(edit.program.hypers)
        assert structure(edit.program) != structure(rule) or lost, "a factor of 1 that could have been another"
    assert len({structure(edit.program) for edit in structural(rule)}) == len(structural(rule))


def test_what_can_be_left_out_of_adamw_is_tried() -> None:
    found = {structure(edit.program) for edit in structural(zoo.load("adamw"))}
    without_decay = parse("""def f(g, m, v, lr, t, *, beta1=0.9, beta2=0.999, eps=1e-8):
    m = interp(g, m, beta1)
    v = interp(square(g), v, beta2)
    return m / (1 - beta1 ** t) / (sqrt(v / (1 - beta2 ** t)) + eps) * lr, m, v
""")
    assert structure(without_decay) in found


@pytest.mark.parametrize(
    ("shape", "standard"),
    [
        ("g * s / sqrt(g * g)", "sign(g) * s"),
        ("sqrt(square(g) * 4)", "abs(g) * 2"),
        ("arcsin(sin(g))", "g"),
        ("exp(log(abs(g)) * 2)", "square(g)"),
    ],
)
def test_a_learned_shape_is_recognised(shape: str, standard: str) -> None:
    head = "def f(g, lr):\n    s = lr * 3\n    return ({}) * lr\n"
    wanted = structure(parse(head.format(standard)))
    assert wanted in {structure(edited) for edited, _, _ in standard_forms(parse(head.format(shape)))}


def test_a_shape_that_a_scalar_bends_or_that_needs_two_tensors_is_left_alone() -> None:
    bent = parse("def f(g, lr):\n    return tanh(g / lr) * lr\n")
    assert {structure(edited) for edited, _, _ in standard_forms(bent)} <= {structure(bent)}
    two = parse("def f(w, g, lr):\n    return (g + w) * lr\n")
    assert list(standard_forms(two)) == []


def test_constants_are_rounded_and_numbers_near_one_by_what_they_lack_to_it() -> None:
    rule = parse("def f(g, m, lr, *, beta=0.99822):\n    m = interp(g, m, beta)\n    return m * (lr * 0.0217), m\n")
    texts = [edit.what for edit in rounding(rule)]
    assert "beta=0.99822 becomes 0.998" in texts
    assert "0.0217 becomes 0.02" in texts
    assert "all constants to 1 digit" in texts
    assert rounding(parse("def f(g, lr, *, c=0.9):\n    return g * lr * c\n")) == []


def test_anonymous_constants_get_the_names_that_people_use_and_the_rule_stays_the_same() -> None:
    rule = parse(
        "def f(w, g, m, lr):\n    m = interp(g, m, 0.87)\n"
        "    return (m / (sqrt(m * m) + 1e-9) + w * 0.3) * (lr * 7), m\n"
    )
    lifted = lift(rule)
    assert {hyper.name: hyper.default for hyper in lifted.hypers} == {
        "beta": 0.87,
        "eps": 1e-9,
        "weight_decay": 0.3,
        "scale": 7.0,
    }
    assert structure(lifted) == structure(rule)
    assert "0.87" in show(lifted)


def test_numbers_that_belong_to_a_formula_stay_in_it() -> None:
    rule = parse("def f(g, lr, t):\n    return g ** 3 * (lr / (2 * sqrt(t) + 1))\n")
    assert lift(rule) == rule
