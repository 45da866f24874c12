"""Kills cost nothing that was finished; and the bench that says so would notice if they did."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from discovery.bench.crash import CrashReport, compare, kill_drivers, kill_workers
from discovery.bench.free import FreeExecutor
from discovery.bench.witness import Journal, Witness
from discovery.loop import drive, prepare
from discovery.runs import Run


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize(("free", "kills"), [(True, 4), (False, 2)], ids=["free", "training"])
def test_killed_drivers_lose_repeat_and_change_nothing(tmp_path: Path, free: bool, kills: int) -> None:
    report = CrashReport()
    kill_drivers(kills, tmp_path, report, random.Random(0), silent, free=free)
    assert report.driver_kills == kills
    assert report.finished > 0
    assert (report.lost, report.repeated, report.differences) == (0, 0, [])
    assert report.identical


@pytest.mark.xdist_group("ray")
def test_killed_workers_lose_repeat_and_blame_nothing(tmp_path: Path) -> None:
    report = CrashReport()
    kill_workers(2, tmp_path, report, random.Random(0), silent)
    assert report.worker_kills == 2
    assert report.finished > 0
    assert (report.lost, report.repeated, report.blamed) == (0, 0, 0)


@pytest.fixture
def seen(make_run: Callable[..., Run]) -> tuple[Run, Witness]:
    """A run that is done, and a witness that saw all of it."""
    run = make_run()
    with Journal(run.folder / "journal") as journal:
        drive(prepare(run), FreeExecutor(), journal)
    witness = Witness(run, run.folder / "journal")
    witness.look()
    assert (witness.lost, witness.repeated, witness.duplicates()) == (0, 0, 0)
    return run, witness


def test_the_witness_notices_an_evaluation_that_is_gone_or_other(seen: tuple[Run, Witness]) -> None:
    run, witness = seen
    with closing(sqlite3.connect(run.folder / "run.db")) as database:
        database.execute("DELETE FROM evaluations WHERE id = (SELECT max(id) FROM evaluations)")
        database.execute("UPDATE evaluations SET device = 'other' WHERE id = (SELECT min(id) FROM evaluations)")
        database.commit()
    witness.look()
    assert witness.lost == 2


def test_the_witness_notices_a_job_that_is_done_again(seen: tuple[Run, Witness]) -> None:
    run, witness = seen
    with (run.folder / "journal").open("a") as journal:
        journal.write('["started", 1]\n')
    witness.look()
    assert witness.repeated == sum(evaluation.job == 1 for evaluation in run.store.evaluations())


def test_two_runs_that_differ_are_not_called_identical(make_run: Callable[..., Run]) -> None:
    runs = [make_run("a"), make_run("b", seed=1), make_run("c")]
    for run in runs:
        drive(prepare(run), FreeExecutor(), Journal(run.folder / "journal"))
    same, other = CrashReport(), CrashReport()
    compare(same, runs[0], runs[2])
    assert same.identical
    compare(other, runs[0], runs[1])
    assert not other.identical
    assert len(other.differences) == 4
