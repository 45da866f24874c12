"""Notes say what was measured, are bounded, come out the same from the store, and can be pruned."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from archive.grid import Grid, elite_of
from discovery.llm.insights import Notebook, forget, forgotten, mined
from discovery.llm.knowledge import Knowledge
from discovery.runs import Run
from llm_runs import Rules, driven, emitters
from llm_server import serving
from programs.generate import random_program
from programs.ir import Program
from programs.parse import parse
from programs.zoo import load

SGD, SIGN = load("sgd"), parse("def candidate(w, g, lr):\n    return sign(g) * lr\n")


def test_a_note_gathers_what_one_change_did_to_one_kind_of_rule() -> None:
    notebook = Notebook()
    for score in (1.1, 0.9, None, 1.2):
        notebook.observe(SGD, SIGN, 1.0, score)
    (note,) = [note for note in notebook.insights() if note.tried == "adding sign"]
    assert (note.measured, note.failed, note.better) == (4, 1, 0.5)
    assert note.change == pytest.approx(1.1)
    assert note.condition == "0 as state slots and 1 as degree in the gradient"
    assert "Measured 4 times, 1 failed" in note.sentence()


def test_what_was_seen_once_or_twice_is_no_note() -> None:
    notebook = Notebook()
    for _ in range(2):
        notebook.observe(SGD, SIGN, 1.0, 2.0)
    assert notebook.insights() == []


def test_notes_with_clear_effects_come_first() -> None:
    notebook = Notebook()
    tanh = parse("def candidate(w, g, lr):\n    return tanh(g) * lr\n")
    for sign, bounded in ((0.5, 1.01), (0.6, 0.99), (0.5, 1.0)):
        notebook.observe(SGD, tanh, 1.0, bounded)
        notebook.observe(SGD, SIGN, 1.0, sign)
    assert [note.tried for note in notebook.insights()] == ["adding sign", "adding tanh"]


def test_a_change_that_always_fails_is_worth_a_note() -> None:
    notebook = Notebook()
    for _ in range(3):
        notebook.observe(SGD, SIGN, 1.0, None)
    (note,) = notebook.insights()
    assert math.isnan(note.change)
    assert "3 failed" in note.sentence()


def test_the_notebook_is_bounded(rng_programs: list[Program]) -> None:
    notebook = Notebook()
    for parent in rng_programs:
        for child in rng_programs:
            notebook.observe(parent, child, 1.0, 1.0)
    assert 0 < len(notebook.insights()) <= 400
    assert all(note.measured <= 60 for note in notebook.insights())


@pytest.fixture
def rng_programs() -> list[Program]:
    rng = np.random.default_rng(0)
    return [random_program(rng, size=8) for _ in range(30)]


def test_who_was_there_and_who_reads_the_store_have_learned_the_same(make_run: Callable[..., Run]) -> None:
    run, _ = driven(make_run, 60)
    candidates = {candidate.id: candidate for candidate in run.store.candidates()}
    knowledge = Knowledge(Grid(), Notebook())
    for candidate in candidates.values():
        knowledge.entered(candidate)
    for verdict in run.store.verdicts():
        if verdict.revision == 0:
            knowledge.judged(verdict.candidate, elite_of(verdict))
        if verdict.candidate % 10 == 0:
            knowledge.learn(lambda number: parse(candidates[number].source))
    knowledge.learn(lambda number: parse(candidates[number].source))
    assert mined(run.store) == knowledge.notebook.insights() != []


def test_what_is_pruned_is_shown_to_no_model(make_run: Callable[..., Run], tmp_path: Path) -> None:
    forget(tmp_path, ["abc"])
    forget(tmp_path, ["def"])
    assert forgotten(tmp_path) == {"abc", "def"}
    with serving(Rules()) as server:
        run, _ = driven(make_run, 40, emitters=emitters(server.url, alone=False))
    first = mined(run.store)[0]
    assert first.key not in [note.key for note in mined(run.store, [first.key])]
    assert any(first.sentence().split(". Measured")[0] in call.prompt[1]["content"] for call in run.store.calls())
