"""Naming a rule: zoo, file, or a candidate of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archive.errors import NotFoundError
from discovery.loop import drive, prepare
from discovery.rules import resolve
from discovery.runs import Run, RunError
from free_executor import FreeExecutor, Silent
from programs import zoo
from programs.errors import RuleError


def test_a_zoo_name_and_a_file_with_the_same_text_are_the_same_rule(tmp_path: Path) -> None:
    path = tmp_path / "mine.rule"
    path.write_text(zoo.entry("lion").text)
    assert resolve(str(path)).program == resolve("lion").program


def test_a_candidate_of_a_run(make_run: Callable[..., Run]) -> None:
    run = make_run()
    drive(prepare(run), FreeExecutor(), Silent())
    assert resolve("test:1", run.folder.parent).program == zoo.load("adamw")
    best = resolve("test:best", run.folder.parent)
    scores = {v.candidate: v.score for v in run.store.verdicts() if v.score is not None}
    assert best.candidate is not None
    assert scores[best.candidate.id] == max(scores.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adamv", "Did you mean adam or nadam or adamw"),
        ("test:soon", "test:best or test:42"),
        ("test:best", "no scored rule yet"),
        ("test:99", "no candidate 99"),
    ],
)
def test_what_cannot_be_found_is_explained(make_run: Callable[..., Run], text: str, message: str) -> None:
    run = make_run()
    with pytest.raises((RuleError, NotFoundError)) as caught:
        resolve(text, run.folder.parent)
    assert message in str(caught.value)


def test_a_run_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run 'nowhere'"):
        resolve("nowhere:best", tmp_path)


def test_a_bad_file_is_named_with_line_and_caret(tmp_path: Path) -> None:
    path = tmp_path / "bad.rule"
    path.write_text("def f(w, g, lr):\n    return sqt(g) * lr\n")
    with pytest.raises(RuleError) as caught:
        resolve(str(path))
    assert str(path) in str(caught.value)
    assert "^" in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.rule", "rules/nowhere", "./nowhere"])
def test_a_file_that_is_not_there_is_called_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="is not there"):
        resolve(name, tmp_path)
