from __future__ import annotations

import pytest

from evaluators import tasks
from evaluators.tasks.task import Tier


def test_the_names_are_those_the_tasks_give_themselves() -> None:
    assert tasks.names() == ("digits_mlp", "text_ngram")
    assert [tasks.get(name).name for name in tasks.names()] == list(tasks.names())


def test_a_search_task_says_so_and_says_what_it_is() -> None:
    assert {tasks.get(name).tier for name in tasks.names()} == {Tier.SEARCH}
    assert all("\n" not in tasks.get(name).doc and len(tasks.get(name).doc) > 20 for name in tasks.names())


def test_an_unknown_task_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"digits.*digits_mlp, text_ngram"):
        tasks.get("digits")
