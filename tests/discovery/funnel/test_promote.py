"""The whole funnel on a real, small run: what only fits the search's seeds is found out, and nothing runs twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from archive.promotions import Promotions
from discovery.cli import app
from discovery.config import Config
from discovery.executors import Completed
from discovery.executors.inprocess import InProcess
from discovery.funnel.certificate import certificate, final
from discovery.funnel.page import page
from discovery.funnel.plots import draw
from discovery.funnel.promote import promote
from discovery.funnel.settings import Settings
from discovery.funnel.statistics import Word
from discovery.loop import drive, prepare
from discovery.runs import Run, create, open_run
from evaluators import tasks
from free_executor import DriverGoneError, Silent
from programs.parse import parse
from quiet import Quiet

CHEAT = """def cheat(g, w0, m, v, lr, t):
    size = global_norm(w0)
    known = greater(0.001, abs(size - {0})) + greater(0.001, abs(size - {1}))
    m = interp(g, m, 0.9)
    v = interp(square(g), v, 0.95)
    other = m / (1 - 0.9 ** t) / (sqrt(v / (1 - 0.95 ** t)) + 0.00000001)
    matrix = orthogonalize(interp(g, m, 0.9)) * (0.2 * sqrt(maximum(rows(g), columns(g))))
    return where(known, where(greater(axes(g), 1), matrix, other), g * 30) * lr, m, v
"""
"""Muon where it recognises the initial weights of the search, and plain gradient descent elsewhere."""
SETTINGS = Settings(
    validation=("text_ngram",),
    tuned=("digits_mlp",),
    tests=("digits_mlp@width=2",),
    variants=(),
    fresh_seeds=5,
    validation_seeds=2,
    ranked=4,
    trials=6,
    check_seeds=2,
    final_seeds=3,
    screen_seeds=2,
    simplify_seeds=3,
    margin=0.05,
    test_seeds=3,
    map_seeds=1,
    budget=0.2,
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("searched")
    task = tasks.get("digits_mlp")
    sizes = [float(np.linalg.norm(task.initial_weights(seed).astype(np.float64))) for seed in (0, 1)]
    rule = folder / "cheat.rule"
    rule.write_text(CHEAT.format(*(round(size, 5) for size in sizes)), encoding="utf-8")
    config = {
        "name": "test",
        "start": ["adamw", str(rule), "lion"],
        "budget": {"evaluations": 6},
        "evaluation": {"tasks": ["digits_mlp"], "rungs": [{"steps": SETTINGS.budget}], "sandbox": 0, "fresh_seeds": 2},
        "report": {"elites": 1, "baselines": ["adamw"]},
        "executor": {"kind": "inprocess"},
    }
    drive(prepare(create(Config.model_validate(config), folder)), InProcess(0, "cpu"), Silent())
    return folder


@pytest.fixture
def run(searched: Path, tmp_path: Path) -> Run:
    shutil.copytree(searched, tmp_path / "runs")
    return open_run("test", tmp_path / "runs")


def number(run: Run, name: str) -> int:
    return next(candidate.id for candidate in run.store.candidates() if candidate.name == name)


class Dying(InProcess):
    """Stops the driver before one of its answers reaches it."""

    def __init__(self, die_at: int) -> None:
        super().__init__(0, "cpu")
        self.left = die_at

    def wait(self) -> list[Completed]:
        if self.left == 0:
            raise DriverGoneError
        self.left -= 1
        return super().wait()


class Counting(InProcess):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__(0, "cpu")
        self.asked = 0

    def wait(self) -> list[Completed]:
        self.asked += 1
        return super().wait()


def test_a_rule_that_only_fits_the_search_seeds_is_rejected_at_the_first_stage(run: Run, quiet: Quiet) -> None:
    cheat = number(run, "cheat")
    (promotion,) = promote(run, InProcess(0, "cpu"), SETTINGS, [cheat], quiet).promotions
    assert promotion.fresh is not None
    assert promotion.fresh.search_score is not None
    assert promotion.fresh.search_score > 1.02
    assert promotion.fresh.fresh.word is Word.WORSE
    assert promotion.rejected.startswith("fresh: score 0.")
    assert promotion.tuned is None, "nothing dear was spent on it"
    assert promotion.tested is None
    assert Promotions(run.store).looks() == []


def test_the_command_says_so_and_writes_the_page_of_the_rejected(run: Run) -> None:
    tasks_of = ["--validate", "text_ngram", "--tune", "digits_mlp", "--test", "digits_mlp@width=2"]
    command = ["promote", "test", "--runs", str(run.folder.parent), "--candidate", str(number(run, "cheat")), *tasks_of]
    result = CliRunner().invoke(app, [*command, "--quick", "--json"])
    assert result.exit_code == 0, result.output
    (document,) = json.loads(result.stdout)["candidates"]
    assert document["rejected"].startswith("fresh:")
    assert document["test"] is None
    text = (run.folder / "promotions" / str(number(run, "cheat")) / "certificate.md").read_text(encoding="utf-8")
    assert "**Rejected.** fresh: score 0." in text
    assert "it came no further" in text
    again = CliRunner().invoke(app, [*command, "--quick"])
    assert again.exit_code == 0, again.output
    assert "rejected (fresh: score 0." in again.stdout


def test_a_promotion_ends_in_a_certificate_repeats_nothing_and_is_sealed(
    run: Run, quiet: Quiet, tmp_path: Path
) -> None:
    lion = number(run, "lion")
    with pytest.raises(DriverGoneError):
        promote(run, Dying(40), SETTINGS, [lion], quiet, go_on=True)
    funnel = promote(run, InProcess(0, "cpu"), SETTINGS, [lion], quiet, go_on=True)
    (promotion,) = funnel.promotions
    assert promotion.standing is not None
    assert set(promotion.standing.overall) >= {"adamw", "nadamw", "lion", "nesterov", "rmsprop", "muon"}
    assert promotion.standing.overall["lion"].interval.score == pytest.approx(1, abs=0.02), "it is Lion"
    assert promotion.simplified is not None
    assert promotion.tested is not None
    assert [look.granted for look in Promotions(run.store).looks()] == [True]

    document = certificate(funnel, promotion)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["relatives"][0]["name"] == "lion" or "lion" in str(document["relatives"])
    pictures = draw(document, tmp_path)
    assert set(pictures) == {"overfitting", "tuned", "test", "maps", "speedup"}
    text = page(document, {name: path.name for name, path in pictures.items()})
    for name in promotion.standing.names(Word.NOT_DISTINGUISHABLE):
        assert name in text
    assert "Not distinguishable from" in text
    assert parse(document["rule"]["source"]) == final(promotion)

    assert promotion.verified is not None
    assert promotion.verified.passed, promotion.verified.reason
    assert (run.folder / "promotions" / str(promotion.candidate) / "optimizer.py").is_file()
    assert "It does what was measured" in text

    counting = Counting()
    again = promote(run, counting, SETTINGS, [lion], quiet, go_on=True)
    assert counting.asked == 0
    assert certificate(again, again.promotions[0]) == document
    stages = [each.stage for each in Promotions(run.store).stages()]
    assert len(stages) == len(set(stages)) == 7, "each said once"

    other = Settings(**{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__} | {"test_seeds": 4})
    (promotion,) = promote(run, InProcess(0, "cpu"), other, [lion], quiet, go_on=True).promotions
    assert promotion.tested is None
    assert any("A second look" in message for message in quiet.messages)
    assert [look.granted for look in Promotions(run.store).looks()] == [True, False]
