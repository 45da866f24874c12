from __future__ import annotations

import numpy as np
import pytest

from discovery.funnel.regroup import absorbed, regrouped
from discovery.funnel.space import set_hypers
from programs import zoo
from programs.ir import Const
from programs.parse import parse
from programs.same import Verdict, compare
from raw_lion import raw_lion


def test_averages_of_averages_become_averages() -> None:
    rule = parse("def f(g, v, lr):\n    m = interp(g, v, 0.9)\n    return sign(m) * lr, interp(g, m, 1.1)\n")
    found = regrouped(rule)
    (last,) = [instr for instr in found.body if instr.op == "interp" and Const(0.9) not in instr.args]
    assert last.args[2] == Const(pytest.approx(0.99))  # type: ignore[arg-type]  # compares as a float does
    assert compare(rule, found).verdict is Verdict.BEHAVIOUR


def test_common_scalar_factors_are_taken_out() -> None:
    rule = parse("def f(w, g, lr):\n    s = lr * 0.5\n    return sign(g) * s + w * (s * 0.1)\n")
    found = regrouped(rule)
    assert len(found.body) < len(rule.body)
    assert compare(rule, found).verdict in (Verdict.STRUCTURE, Verdict.BEHAVIOUR)


def test_a_factor_of_the_step_goes_into_the_learning_rate() -> None:
    rule = parse("def f(g, lr):\n    return sign(g) * (lr * 0.002)\n")
    plain, factor = absorbed(rule)
    assert factor == 0.002
    assert compare(plain, parse("def f(g, lr):\n    return sign(g) * lr\n")).verdict is Verdict.STRUCTURE
    assert absorbed(set_hypers(parse("def f(g, lr, *, scale=2):\n    return g * (lr * scale)\n"), {"scale": 4}))[1] == 4


def test_a_factor_stays_where_the_rule_uses_its_learning_rate_otherwise() -> None:
    rule = parse("def f(g, lr):\n    return clip_by_global_norm(g, lr) * (lr * 0.5)\n")
    assert absorbed(rule) == (rule, 1.0)


def test_the_rules_of_the_zoo_do_after_regrouping_what_they_did_before() -> None:
    for name in zoo.names():
        rule = zoo.load(name)
        assert compare(rule, regrouped(rule)).verdict in (Verdict.STRUCTURE, Verdict.BEHAVIOUR), name


def test_the_raw_program_keeps_a_step_that_no_probe_can_tell_from_its_own() -> None:
    with np.errstate(all="ignore"):
        assert compare(raw_lion(), regrouped(raw_lion())).verdict in (Verdict.STRUCTURE, Verdict.BEHAVIOUR)
    assert len(regrouped(raw_lion()).body) == 11
