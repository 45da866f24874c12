"""Who saw what a driver finished: its own words before it was killed, and the store right after."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from archive.records import Evaluation, OpenJob
from discovery import executors
from discovery.bench.free import FreeExecutor
from discovery.executors import Completed
from discovery.loop import Search, drive, prepare
from discovery.runs import Run, open_run
from discovery.scheduling.scheduler import Told


def work(name: str, runs: Path, journal: Path, free: bool) -> None:
    """Drive a run to its end, or until somebody kills this process."""
    run = open_run(name, runs)
    executor = FreeExecutor() if free else executors.build(run.config.executor, run.config.evaluation)
    with Journal(journal) as watcher:
        drive(prepare(run), executor, watcher)
    executor.close()


class Journal:
    """A watcher that writes at once what it sees: a line that was written outlives its process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def started(self, _search: Search, job: OpenJob, /) -> None:
        """A job was started."""
        self._write("started", job.id)

    def told(self, _search: Search, completed: Completed, _told: Told, /) -> None:
        """A job is stored."""
        self._write("told", completed.job)

    def troubled(self, message: str, /) -> None:
        """Not expected here; whoever looks into the journal will find it."""
        self._write("troubled", message)

    def _write(self, what: str, about: int | str) -> None:
        os.write(self._file, json.dumps([what, about]).encode() + b"\n")


class Witness:
    """Compares what was seen at every kill of a run with what is there later.

    Attributes:
        lost: Evaluations that were finished and stored and are there no more, or changed.
        repeated: Evaluations that were made again though they were stored.
    """

    def __init__(self, run: Run, journal: Path) -> None:
        self.lost = 0
        self.repeated = 0
        self._run = run
        self._journal = journal
        self._read = 0
        self._seen: dict[tuple[int, int], Evaluation] = {}

    def look(self) -> None:
        """Compare; called whenever the driver is dead."""
        stored = {(each.job, each.candidate): each for each in self._run.store.evaluations()}
        self.lost += sum(stored.get(key) != evaluation for key, evaluation in self._seen.items())
        in_job = Counter(job for job, _ in stored)
        closed = {job for job, _ in self._seen}
        for what, about in self._new_lines():
            if what == "told":
                self.lost += about not in in_job
                closed.add(about)
            elif what == "started" and about in closed:
                self.repeated += in_job[about]
        self._seen = stored

    def duplicates(self) -> int:
        """Trainings that the store has more than once: of a candidate on a task with a seed for so many steps."""
        trained = Counter(
            (each.candidate, each.task, each.task_version, seed, each.budget)
            for each in self._seen.values()
            for seed in each.seeds
        )
        return sum(count - 1 for count in trained.values())

    def _new_lines(self) -> list[tuple[str, Any]]:
        text = self._journal.read_text(encoding="utf-8") if self._journal.exists() else ""
        lines = text.splitlines()
        new, self._read = lines[self._read :], len(lines)
        return [tuple(json.loads(line)) for line in new]
