"""Runs on disk: never overwritten, opened again as they were, held by one driver at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archive.errors import ArchiveError
from discovery.config import Config
from discovery.runs import Run, RunError, create, exclusive, open_run


def test_a_run_opens_again_with_its_configuration(make_run: Callable[..., Run], tmp_path: Path) -> None:
    made = make_run(seed=7)
    opened = open_run("test", tmp_path / "runs")
    assert opened.config == made.config
    assert opened.config.seed == 7


def test_a_name_that_is_taken_gets_a_number(make_config: Callable[..., Config], tmp_path: Path) -> None:
    names = [create(make_config(), tmp_path).name for _ in range(3)]
    assert names == ["test", "test-2", "test-3"]


def test_an_unknown_run_is_answered_with_those_that_exist(make_run: Callable[..., Run], tmp_path: Path) -> None:
    make_run()
    with pytest.raises(RunError, match=r"no run 'tset'.*Did you mean test\?"):
        open_run("tset", tmp_path / "runs")


def test_a_foreign_database_in_the_folder_is_refused_and_left_alone(make_run: Callable[..., Run]) -> None:
    run = make_run()
    database = run.folder / "run.db"
    for leftover in run.folder.glob("run.db*"):
        leftover.unlink()
    database.write_bytes(b"these are not the bytes of a database " * 100)
    before = database.read_bytes()
    with pytest.raises(ArchiveError):
        open_run("test", run.folder.parent)
    assert database.read_bytes() == before


def test_one_driver_at_a_time(make_run: Callable[..., Run]) -> None:
    run = make_run()
    with exclusive(run), pytest.raises(RunError, match="Another process"), exclusive(run):
        pass
    with exclusive(run):
        pass
