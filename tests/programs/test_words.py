from __future__ import annotations

import pytest

from programs import zoo
from programs.parse import parse
from programs.words import learning_rate_advice, step_length, words


def test_lion_in_words() -> None:
    assert words(zoo.load("lion")) == [
        "`m` is a running average of the gradient that keeps the share `beta2` of itself.",
        "Gradients that are all larger by one factor give the same steps.",
        "Every step also shrinks the weights, by `weight_decay` times the learning rate.",
        "From step to step it keeps 1 number per weight.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def one(g, s):\n return g, s + square(g)\n", "`s` adds up `square(g)`."),
        (
            "def one(g, s):\n return g + s, 0.9 * s + g\n",
            "adds up the gradient, after keeping the share `0.9` of itself",
        ),
        ("def one(g, s):\n return g, maximum(s, abs(g))\n", "`s` is the largest `abs(g)` so far."),
        ("def one(g, s):\n return g - s, g\n", "`s` is the gradient of the step before."),
        ("def one(w, g, s):\n return g - s, w\n", "`s` is what the weights were before the last step."),
        ("def one(g, s):\n return g, sin(s) + 1\n", "`s` is computed anew in every step."),
        ("def one(g):\n return g * abs(g)\n", "Gradients twice as large give steps 4 times as long."),
    ],
)
def test_states_and_steps_in_words(text: str, said: str) -> None:
    assert said in " ".join(words(parse(text)))


def test_steps_are_compared_with_those_of_adamw() -> None:
    assert (
        3 < step_length(zoo.load("lion")) / step_length(zoo.load("adamw")) < 6
    )  # 1 / sqrt((1 - b1) / (1 + b1)) is 4.4
    assert "begin with AdamW's divided by 4." in learning_rate_advice(zoo.load("lion"))
    assert "begin with AdamW's." in learning_rate_advice(zoo.load("adam"))
    halved = parse("def half(g, lr):\n return sign(g) * lr * 0.02\n")
    assert "times shorter than AdamW's" in learning_rate_advice(halved)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adahessian"])
def test_a_rule_whose_steps_grow_with_the_gradients_gets_no_number(name: str) -> None:
    assert "depend on the size of the gradients" in learning_rate_advice(zoo.load(name))


def test_a_rule_that_finds_its_own_scale_gets_no_number() -> None:
    assert "not on the scale of AdamW's" in learning_rate_advice(zoo.load("prodigy"))
    assert learning_rate_advice(parse("def one(g):\n return g\n")) == "It takes no learning rate."
