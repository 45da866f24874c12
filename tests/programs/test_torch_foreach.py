from __future__ import annotations

import numpy as np
import pytest

from exported import RULES, assert_close, interpreted, trained
from programs import zoo
from programs.canon import simplify
from programs.generate import random_program
from programs.ops import OPS
from programs.parse import parse
from programs.run import NUMPY
from programs.run_torch import TORCH
from programs.torch_foreach import LISTABLE, ForeachPrinter
from programs.torch_source import without_clashes


def body(name: str) -> str:
    return "\n".join(ForeachPrinter(without_clashes(simplify(zoo.load(name)))).body())


def test_adamw_is_eleven_operations_of_which_two_make_something_new() -> None:
    assert (
        body("adamw")
        == """\
torch._foreach_mul_(ms, beta1)
torch._foreach_add_(ms, gs, alpha=1 - beta1)
torch._foreach_mul_(vs, beta2)
torch._foreach_addcmul_(vs, gs, gs, 1 - beta2)
m_hats = torch._foreach_div(ms, 1 - beta1**t)
v_hats = torch._foreach_div(vs, 1 - beta2**t)
torch._foreach_sqrt_(v_hats)
torch._foreach_add_(v_hats, eps)
torch._foreach_div_(m_hats, v_hats)  # update
del v_hats
torch._foreach_add_(m_hats, ws, alpha=weight_decay)  # update
torch._foreach_sub_(ws, m_hats, alpha=lr)"""
    )


def test_lion_reads_the_old_momentum_before_it_makes_the_new_one() -> None:
    assert (
        body("lion")
        == """\
x1s = torch._foreach_mul(ms, beta1)
torch._foreach_add_(x1s, gs, alpha=1 - beta1)
torch._foreach_sign_(x1s)  # update
torch._foreach_mul_(ms, beta2)
torch._foreach_add_(ms, gs, alpha=1 - beta2)
torch._foreach_add_(x1s, ws, alpha=weight_decay)  # update
torch._foreach_sub_(ws, x1s, alpha=lr)"""
    )


def test_a_momentum_shrinks_in_its_place() -> None:
    assert body("momentum").startswith("torch._foreach_mul_(ms, beta)\ntorch._foreach_add_(ms, gs)\n")


def test_no_known_rule_copies_what_it_is_about_to_overwrite() -> None:
    listed = [name for name in zoo.names() if {OPS[instr.op].shape for instr in zoo.load(name).body} <= LISTABLE]
    assert len(listed) > 25
    assert [name for name in listed if "clone" in body(name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "def swap(g, a, b, lr):\n return (g + a) * lr, b, a\n",
        "def turn(g, a, b, c, lr):\n return (g + a - b) * lr, b, c, a\n",
        "def behind(w, g, old, lr):\n return (g + old) * lr, w\n",
        "def chain(w, g, a, b, lr):\n return (g + b) * lr, w, a\n",
        "def last(g, a, lr):\n return a * lr, g\n",
        "def bare(g, a):\n return a, g\n",
        "def twice(g, a, b, lr):\n    m = a * 0.9 + g\n    return (m + b) * lr, m, m\n",
        "def crossed(g, a, b, lr):\n    x = a * 0.9 + g\n    y = b * 0.8 + x\n    return (x + y) * lr, y, x\n",
        "def own(g, a, lr):\n    m = interp(a, a, 0.9)\n    return (g + m) * lr, m + g\n",
        "def kept(g, a, b, lr):\n    a = a + g\n    return (g + b) * lr, a, b + a * a\n",
        "def far(w, g, a, lr):\n    x = neg(a)\n    a = a + g\n    return (x * x + abs(a) + w * 0.1) * lr, a\n",
        "def same(g, a, lr):\n    x = g * 2\n    return (x * x - x / (x + 3)) * lr, a + x * x\n",
        "def whole(g, a, k, lr):\n    k = k + norm(g)\n    return (g / k + a) * lr, a * k, k\n",
        "def number(g, k, lr, t):\n return g * k * lr, t * 0.5\n",
        "def clipped(w, g, a, lr):\n    a = clip(a + g, w, norm(g))\n    return clip(a, lr, 2) * lr, a\n",
        "def turned(g, a, lr):\n    x = 1 - g\n    return (x - (2 - x) + 1 / (a + 3)) * lr, 2 / (g * g + 1) - a\n",
        "def weighted(w, g, a, lr):\n    a = interp(w * g, a, 0.5)\n    return interp(a, w, lr), a\n",
        "def loose(w, g, a, lr, t):\n    x = exp(t)\n    return (g * x + a) * lr, interp(a, g * w, 1 / x)\n",
    ],
    ids=lambda text: text[4 : text.index("(")],
)
def test_what_is_overwritten_is_read_first(text: str) -> None:
    program = parse(text)
    assert_close(trained(program, steps=4), interpreted(program, steps=4))


def test_two_hundred_random_rules_train_on_every_path_as_in_the_interpreter() -> None:
    rng = np.random.default_rng(7)
    compared = listed = 0
    while compared < 200:
        program = random_program(rng, int(rng.integers(1, 25)))
        expected, other = (interpreted(program, backend, steps=3) for backend in (NUMPY, TORCH))
        if not np.allclose(expected, other, rtol=1e-11, atol=1e-11, equal_nan=True):
            continue  # the last bit decides what this one does
        compared += 1
        paths = [False]
        if {OPS[instr.op].shape for instr in program.body} <= LISTABLE:
            paths, listed = [True, False], listed + 1
        for foreach in paths:
            assert_close(trained(program, steps=3, foreach=foreach), expected, rtol=1e-9)
    assert listed > 100


@pytest.mark.parametrize("name", [name for name in RULES if name not in zoo.names()])
def test_names_of_lists_are_no_words_of_python(name: str) -> None:
    printer = ForeachPrinter(without_clashes(parse(RULES[name])))
    assert len({*printer.lists.values()}) == len(printer.lists)
    assert all(variable.isidentifier() and variable not in ("as", "is") for variable in printer.lists.values())
