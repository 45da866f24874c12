"""The racing bench: policies replayed on records whose truth is known, and what is kept of an interrupted one."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from discovery.bench.racing_policies import Policy, Replayed, learned, policies, replay
from discovery.bench.racing_runs import FRACTIONS, HOPELESS, Record, Run, Work, measure, mutants, records
from discovery.cli import app
from discovery.record_file import RecordsError
from evaluators import tasks
from evaluators.device import choose, prepare
from evaluators.evaluate import initial_losses
from evaluators.job import HALF_DECADES, Race
from evaluators.race import race
from programs import zoo
from programs.canon import structure
from programs.parse import parse
from programs.show import show

NEVER = (None,) * len(HOPELESS)
FULL, SCOUT = 100, 10


def record(number: int, task: str, loss: float, scouted: float | None = None, misled: float = 0.0) -> Record:
    """A mutant with two learning rates: the second is the better one in the end, by `misled` the worse in scouting."""

    def run(value: float, steps: int) -> Run:
        return Run(loss=value, steps=steps, dropped=NEVER)

    early = loss + 0.5 if scouted is None else scouted
    full = (run(loss + 0.2, FULL), run(loss, FULL))
    scouts = (run(early + 0.3, SCOUT), run(early + 0.3 * (1 + misled), SCOUT))
    return Record(mutant=number, task=task, untrained=4.0, full=(full, full), scouts=(scouts,) * len(FRACTIONS))


def crowd(task: str = "a", count: int = 60) -> list[Record]:
    return [record(number, task, 1 + number / count) for number in range(count)]


def one(found: list[Record], hurdle: float | None = None, finalists: int = 2, hopeless: float | None = 1.2) -> Replayed:
    (result,) = replay(found, [Policy(FRACTIONS[1], hurdle, finalists, hopeless)], seed=0)
    return result


def test_who_races_everybody_in_full_loses_nobody_and_saves_nothing_but_scouting() -> None:
    result = one(crowd())
    assert (result.kept, result.regret) == (1.0, 0.0)
    assert result.cost == pytest.approx((2 * SCOUT + 4 * FULL) / (4 * FULL))
    assert 0.5 < result.low < 0.9
    assert result.high == pytest.approx(1.0)


def test_a_hurdle_saves_the_finals_of_the_others_and_keeps_the_best_where_scouting_tells_them_apart() -> None:
    free, raced = one(crowd()), one(crowd(), hurdle=0.3)
    assert raced.kept == 1.0
    assert raced.cost < 0.6 * free.cost
    stricter = one(crowd(), hurdle=0.2)
    assert stricter.cost < raced.cost


def test_a_hurdle_loses_the_best_where_scouting_misleads() -> None:
    inverted = [record(number, "a", 1 + number / 60, scouted=2 - number / 60) for number in range(60)]
    assert one(inverted, hurdle=0.3).kept < 0.5
    assert one(inverted).kept == 1.0


def test_one_finalist_pays_where_scouting_prefers_the_wrong_learning_rate() -> None:
    found = [record(number, "a", 1.0, misled=0.5) for number in range(20)]
    assert one(found, finalists=2).regret == 0.0
    assert one(found, finalists=1).regret == pytest.approx(0.2)


def test_a_lane_that_would_be_dropped_costs_its_mutant() -> None:
    found = crowd()
    dying = Run(loss=0.5, steps=FULL, dropped=(3, None))
    spoilt = [each.model_copy(update={"full": tuple((dying, runs[1]) for runs in each.full)}) for each in found]
    kept, killed = one(spoilt, hopeless=None), one(spoilt)
    assert kept.regret == 0.0
    assert killed.regret > 0.5
    assert killed.cost < kept.cost


def test_two_tasks_share_a_hurdle_so_that_neither_decides_alone() -> None:
    both = crowd("a") + crowd("b")
    assert one(crowd("a"), hurdle=0.25).cost < one(both, hurdle=0.25).cost
    assert one(both, hurdle=0.25).kept == 1.0


def test_learning_on_every_task_is_what_counts() -> None:
    failed = record(1, "b", 4.5)
    assert learned([record(0, "a", 1.0), record(1, "a", 1.0), record(0, "b", 1.0), failed]) == 1
    with pytest.raises(RecordsError, match="no mutant learned"):
        replay([failed], policies(), seed=0)


def test_mutants_are_new_and_depend_on_the_seed_alone() -> None:
    texts = mutants(("adamw", "lion"), 12, 0)
    assert texts == mutants(("adamw", "lion"), 12, 0) != mutants(("adamw", "lion"), 12, 1)
    forms = {structure(parse(text)) for text in texts}
    assert len(forms) == 12
    assert not forms & {structure(zoo.load(name)) for name in ("adamw", "lion")}


@pytest.fixture(scope="module")
def measured() -> Record:
    prepare()
    return measure(Work(7, show(zoo.load("adamw")), "digits_mlp"))


def test_a_replayed_race_ends_as_the_real_one(measured: Record) -> None:
    task, device = tasks.get("digits_mlp"), choose("cpu")
    settings = Race(scout_fraction=FRACTIONS[1], hopeless=HOPELESS[0])
    initial = initial_losses(task, (0, 1), device)
    (raced,) = race(task, [zoo.load("adamw")], settings, (0, 1), initial=initial, steps=task.steps, device=device)
    scouts = measured.scouts[1]
    expected = [None if run.dropped[0] is not None else run.loss for run in scouts]
    for (_, loss), other in zip(raced.result.scouted, expected, strict=True):
        assert loss == (other if other is None else pytest.approx(other, rel=1e-3))
    best = HALF_DECADES.index(raced.result.learning_rate)
    assert raced.result.losses == pytest.approx([runs[best].loss for runs in measured.full], rel=1e-2)


def test_records_are_read_back_a_torn_line_is_measured_again_and_more_mutants_are_added(
    tmp_path: Path, measured: Record
) -> None:
    file, texts = tmp_path / "new" / "racing.jsonl", [show(zoo.load("adamw"))]
    said: list[str] = []
    (found,) = records(texts, ["digits_mlp"], file, 1, said.append)
    assert said == ["0 of 1 measured", "1 of 1 measured, about 0 min to go"]
    assert found == measured.model_copy(update={"mutant": 0})
    whole = file.read_text()
    file.write_text(whole[:-40])
    assert records(texts, ["digits_mlp"], file, 1, said.append) == [found]
    assert file.read_text() == whole
    said.clear()
    assert records([*texts, show(zoo.load("lion"))], ["digits_mlp"], file, 1, said.append)[0] == found
    assert said[0] == "1 of 2 measured"


def test_the_command_refuses_what_it_does_not_know() -> None:
    runner = CliRunner()
    for arguments, hint in (["--tasks", "digit_mlp"], "digits_mlp"), (["--rules", "adamv"], "adamw"):
        result = runner.invoke(app, ["bench", "racing", *arguments])
        assert result.exit_code == 2
        assert hint in result.output
