"""Questions are asked once, however often a promotion is killed and started again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from discovery.funnel.lab import Course, Lab, digest
from discovery.funnel.ledger import Written
from evaluators.job import Job, Report
from free_executor import DriverGoneError, DyingExecutor, FreeExecutor
from quiet import Quiet


def question(number: int) -> Job:
    return Job(programs=(f"def candidate(g, lr):\n    return g * {number}.5 * lr\n",), task="digits_mlp", seeds=(0,))


def walk(start: int, steps: int) -> Course[list[float]]:
    """Asks one question after the other, each chosen by the answer before."""
    found: list[float] = []
    number = start
    for _ in range(steps):
        (report,) = yield [question(number)]
        found.append(_loss(report))
        number = start + 10 + int(1000 * found[-1]) % 50
    return found


def _loss(report: Report) -> float:
    result = report.results[0]
    return result.losses[0] if result.losses else 9.0


def test_courses_get_their_own_answers_whatever_finishes_first(make_lab: Callable[..., Lab]) -> None:
    alone = [make_lab(FreeExecutor()).run("s", [walk(start, 4)])[0] for start in (100, 200, 300)]
    together = make_lab(FreeExecutor(slots=3)).run("s", [walk(start, 4) for start in (100, 200, 300)])
    assert together == alone


def test_the_same_question_is_asked_once_by_all_courses(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(FreeExecutor(slots=2))
    first, second = lab.run("s", [walk(100, 3), walk(100, 3)])
    assert first == second
    assert lab.measured == 3


@pytest.mark.parametrize("die_at", [0, 1, 4, 7])
def test_what_is_killed_goes_on_and_repeats_nothing(make_lab: Callable[..., Lab], tmp_path: Path, die_at: int) -> None:
    whole = make_lab(FreeExecutor())
    expected = whole.run("s", [walk(100, 4), walk(200, 4)])
    file = tmp_path / "new" / "answers.jsonl"
    with pytest.raises(DriverGoneError):
        make_lab(DyingExecutor(die_at), Written(file)).run("s", [walk(100, 4), walk(200, 4)])
    again = make_lab(FreeExecutor(), Written(file))
    assert again.run("s", [walk(100, 4), walk(200, 4)]) == expected
    assert again.measured == whole.measured - die_at
    third = make_lab(FreeExecutor(), Written(file))
    assert third.run("s", [walk(100, 4), walk(200, 4)]) == expected
    assert third.measured == 0


def test_a_course_may_ask_many_or_nothing(make_lab: Callable[..., Lab]) -> None:
    def course() -> Course[int]:
        nothing: Sequence[Report] = yield []
        many = yield [question(1), question(2), question(1)]
        assert many[0] == many[2]
        return len(nothing) + len(many)

    assert make_lab(FreeExecutor()).run("s", [course()]) == [3]
    assert make_lab(FreeExecutor()).run("s", []) == []


def test_progress_counts_up_to_what_is_expected(make_lab: Callable[..., Lab], quiet: Quiet) -> None:
    make_lab(FreeExecutor()).run("s", [walk(100, 3), walk(200, 3)], expected=6)
    seen = quiet.seen
    assert [done for _, done, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert {expected for _, _, expected in seen} == {6}


def test_another_seed_is_another_question() -> None:
    job = question(1)
    assert digest(job) == digest(question(1))
    assert digest(job) != digest(job.model_copy(update={"seeds": (1,)}))
