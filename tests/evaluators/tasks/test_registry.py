from __future__ import annotations

import pytest

from evaluators import tasks
from evaluators.tasks.naming import Tier


def test_the_names_and_tiers_are_those_the_tasks_give_themselves() -> None:
    found = [tasks.get(name) for name in tasks.names()]
    assert [task.name for task in found] == list(tasks.names())
    for tier in Tier:
        assert tasks.names(tier) == tuple(task.name for task in found if task.tier is tier)


def test_a_task_says_what_it_is_in_one_line() -> None:
    assert all("\n" not in tasks.get(name).doc and len(tasks.get(name).doc) > 20 for name in tasks.names())


def test_every_family_is_there_at_two_horizons() -> None:
    base = {name for name in tasks.names(Tier.SEARCH) if not name.endswith("_long")}
    assert {f"{name}_long" for name in base} <= set(tasks.names())
    for name in base:
        assert tasks.get(f"{name}_long").steps == 4 * tasks.get(name).steps


def test_the_higher_tiers_bring_models_that_the_search_does_not_know() -> None:
    searched = {tasks.get(name).model for name in tasks.names(Tier.SEARCH)}
    for tier in (Tier.VALIDATE, Tier.TEST):
        others = {tasks.get(name).model for name in tasks.names(tier)} - searched
        assert len(others) >= 3


def test_the_same_name_is_the_same_object_so_that_its_data_is_loaded_once() -> None:
    for name in ("text_ngram", "text_ngram_long", "text_ngram@width=2,horizon=4"):
        assert tasks.get(name) is tasks.get(name)
    assert tasks.get("text_ngram_long").data is tasks.get("text_ngram").data


def test_an_unknown_task_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"Unknown task 'digits'. Known: digits_mlp, text_ngram"):
        tasks.get("digits@width=2")
