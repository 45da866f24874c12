"""What a person reads who made a mistake in a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.config import ConfigError, load

VALID = "name: test\nbudget: {minutes: 1}\n"


def problems(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    """The lines of the error that loading `text` raises, without the name of the folder."""
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return [line.replace(str(path), "c.yaml") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sead: 1", "sead: unknown key, did you mean seed?"),
        ("evaluation: {sedes: 3}", "evaluation.sedes: unknown key, did you mean evaluation.seeds?"),
        (
            "emitters: {random: {wieght: 1}}",
            "emitters.random.wieght: unknown key, did you mean emitters.random.weight?",
        ),
        (
            "evaluation: {rungs: [{}, {stepz: 1}]}",
            "evaluation.rungs[1].stepz: unknown key, did you mean evaluation.rungs[1].steps?",
        ),
        ("minutes: 3", "minutes: unknown key, did you mean budget.minutes?"),
        ("seeds: 3", "seeds: unknown key, did you mean seed or evaluation.seeds or noise.seeds?"),
        (
            "emitters: {gradient: {}}",
            "emitters.gradient: unknown key, expected one of symbolic, crossover, constants, random, llm, bandit",
        ),
    ],
)
def test_an_unknown_key_is_answered_with_the_key_that_was_meant(tmp_path: Path, key: str, said: str) -> None:
    assert problems(tmp_path, VALID + key) == [f"c.yaml:3: {said}"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("seed: '3'", 'seed: expected a whole number, found "3"'),
        ("seed: true", "seed: expected a whole number, found true"),
        ("seed: 2.5", "seed: expected a whole number, found 2.5"),
        ("seed: -1", "seed: expected a number of at least 0, found -1"),
        ("seed: 9999999999", "seed: expected a number of at most 2147483647, found 9999999999"),
        ("start: adamw", 'start: expected a list, found "adamw"'),
        ("start: []", "start: expected a list that is not empty, found []"),
        ("start: [7]", "start[0]: expected text, quoted if need be, found 7"),
        ("start: [sgd, sgd]", 'start: "sgd" is listed twice'),
        ("evaluation:", "evaluation: expected keys and values, found nothing"),
        ("evaluation: {device: gpu}", "evaluation.device: expected 'auto', 'cpu' or 'cuda', found \"gpu\""),
        ("evaluation: {time_limit: 1e999}", "evaluation.time_limit: expected a finite number, found Infinity"),
        ("evaluation: {time_limit: 10s}", 'evaluation.time_limit: expected a number, found "10s"'),
        (
            "evaluation: {tasks: [transformer]}",
            'evaluation.tasks[0]: unknown task of the search tier "transformer". Did you mean text_transformer?',
        ),
        (
            "evaluation: {tasks: [prose_transformer]}",
            'evaluation.tasks[0]: unknown task of the search tier "prose_transformer". Did you mean text_transformer?',
        ),
        (
            "evaluation: {tasks: ['text_gru@width=a']}",
            "evaluation.tasks[0]: Variant 'width=a' of task 'text_gru': expected a whole number above zero, found 'a'.",
        ),
        ("archive: {axes: [state_slot]}", 'archive.axes[0]: unknown axis "state_slot". Did you mean state_slots?'),
        (
            "archive: {url: results.db}",
            'archive.url: expected a database URL such as sqlite:///results.db, found "results.db"',
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(tmp_path: Path, key: str, said: str) -> None:
    assert problems(tmp_path, VALID + key) == [f"c.yaml:3: {said}"]


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ("fast", ": expected 'auto' or a list, found \"fast\""),
        ("[]", ": expected 'auto' or a list that is not empty, found []"),
        ("[0.1, -1]", "[1]: expected a number above 0, found -1"),
        ("[0.1, x]", '[1]: expected a number, found "x"'),
        ("[0.1, 1e-1]", ": 0.1 is listed twice"),
    ],
)
def test_where_a_word_or_a_list_may_stand_only_what_was_meant_is_complained_about(
    tmp_path: Path, rates: str, said: str
) -> None:
    key = f"evaluation: {{finalists: 1, learning_rates: {rates}}}"
    assert problems(tmp_path, VALID + key) == [f"c.yaml:3: evaluation.learning_rates{said}"]


def test_all_mistakes_are_listed_at_once_whatever_their_kind(tmp_path: Path) -> None:
    text = "budget:\n  minutes: 0\n  minutes: 5\nevaluation:\n  seeds: none\n  sead: 1\n"
    assert problems(tmp_path, text, "report.elites=0", "oops") == [
        "c.yaml:1: name: required, but missing",
        "c.yaml:2: budget.minutes: expected a number above 0, found 0",
        "c.yaml:3: budget.minutes: given twice, first on line 2",
        'c.yaml:5: evaluation.seeds: expected a whole number, found "none"',
        "c.yaml:6: evaluation.sead: unknown key, did you mean evaluation.seeds?",
        "--set oops: expected key.path=value",
        "--set report.elites=0: expected a number above 0, found 0",
    ]


def test_a_form_mistake_alone_is_enough_to_refuse_the_file(tmp_path: Path) -> None:
    assert problems(tmp_path, VALID + "seed: 1\nseed: 1\n") == ["c.yaml:4: seed: given twice, first on line 3"]


def test_a_mistake_in_an_option_names_the_option_and_not_the_file(tmp_path: Path) -> None:
    assert problems(tmp_path, VALID, "evaluation.sedes=3") == [
        "--set evaluation.sedes=3: unknown key, did you mean evaluation.seeds?"
    ]
    assert problems(tmp_path, VALID, "archive={axes: [instructions, 3]}") == [
        "--set archive={axes: [instructions, 3]}: archive.axes[1]: expected text, quoted if need be, found 3"
    ]


def test_long_values_are_cut_in_the_message(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, VALID + f"seed: {'x' * 1000}")
    assert len(line) < 150
