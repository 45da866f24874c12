from __future__ import annotations

import pytest

from discovery.funnel.space import central, knobs, set_hypers, with_decay
from programs import zoo
from programs.check import check
from programs.parse import parse
from programs.same import Verdict, compare


@pytest.mark.parametrize("name", zoo.names())
def test_every_known_rule_can_be_tuned_from_its_own_defaults_within_bounds(name: str) -> None:
    rule = with_decay(zoo.load(name))
    check(rule)
    by_name = {knob.name: knob for knob in knobs(rule)}
    assert "weight_decay" in by_name
    for hyper in rule.hypers:
        if hyper.name in by_name and hyper.default != 0:
            knob = by_name[hyper.name]
            assert 0 < knob.low < knob.high
            assert knob.value(knob.drawn(hyper.default)) == pytest.approx(hyper.default, rel=1e-2)
            for end in (knob.low, knob.high):
                check(set_hypers(rule, {knob.name: knob.value(end)}))
                assert knob.to_one is False or 0 < knob.value(end) < 1


def test_added_weight_decay_does_nothing_until_it_is_chosen() -> None:
    plain = zoo.load("sgd")
    decayed = with_decay(plain)
    assert compare(plain, decayed).verdict is Verdict.BEHAVIOUR
    chosen = set_hypers(decayed, {"weight_decay": 0.1})
    assert compare(chosen, parse("def f(w, g, lr):\n    return (g + w * 0.1) * lr\n")).verdict is Verdict.BEHAVIOUR
    assert with_decay(zoo.load("lion")) == zoo.load("lion")


def test_the_centre_of_choices_is_their_median_where_they_were_drawn() -> None:
    choices = [{"beta": value} for value in (0.9, 0.99, 0.5)]
    rule = parse("def f(g, m, lr, *, beta=0.9, sign_of=-2):\n    m = interp(g, m, beta)\n    return m * lr, m\n")
    assert central(zoo.load("momentum"), choices).hypers[0].default == pytest.approx(0.9)
    assert central(rule, [each | {"sign_of": -4.0} for each in choices]).hypers[1].default == -4
    assert central(rule, []) == rule
