"""Driving the runs of a race: each in a process of its own, several at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from archive.views import summary
from discovery.baselines import INITIAL
from discovery.runs import Run
from discovery.scheduling.scheduler import Phase

_LOG = "race.log"
_LOOK_EVERY = 0.5  # seconds
_RESUME = "from discovery.cli import main; main()"


class HeatError(RuntimeError):
    """A run of a race failed; the message has its last words."""


def finished(run: Run) -> bool:
    """Whether a run has spent its budget and is through, its last measurement included."""
    state, spent = run.store.state(), proposed(run)
    run.store.database.close()
    done = bool(state) and Phase(state["scheduler"]["phase"]) is Phase.DONE
    limits = {"evaluations": spent, "minutes": state["elapsed"] / 60} if done else {}
    asked = run.config.budget.model_dump()
    return done and all(amount >= (asked[unit] or 0) for unit, amount in limits.items())


def proposed(run: Run) -> int:
    """How many candidates a run has made; start rules and baselines are not counted."""
    emitters = summary(run.store).emitters
    return sum(number for name, number in emitters.items() if name not in INITIAL)


def drive_all(runs: Sequence[Run], jobs: int, watch: Callable[[list[Run]], None]) -> None:
    """Bring every run to its end. Interrupted or failed, all of them stay as they are and can be resumed.

    Args:
        runs: Finished ones are left alone.
        jobs: How many at a time.
        watch: Called again and again with the runs that are in motion.

    Raises:
        HeatError: A run failed; the others were stopped.
    """
    waiting = [run for run in runs if not finished(run)]
    moving: dict[str, tuple[Run, subprocess.Popen[bytes]]] = {}
    try:
        while waiting or moving:
            while waiting and len(moving) < jobs:
                run = waiting.pop(0)
                with uninterrupted():  # or nobody would know of the process, and stop it
                    moving[run.name] = run, _start(run)
            time.sleep(_LOOK_EVERY)
            watch([run for run, _ in moving.values()])
            for run, process in list(moving.values()):
                if process.poll() is not None:
                    del moving[run.name]
                    run.store.database.close()
                    if process.returncode != 0:
                        raise HeatError(_last_words(run, process.returncode))
    finally:
        for _, process in moving.values():
            process.terminate()
        for _, process in moving.values():
            process.wait()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM until the end of the block; for the main thread only."""
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda received, _: came.append(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for received in came[:1]:
            signal.raise_signal(received)


def _start(run: Run) -> subprocess.Popen[bytes]:
    # -P: a file in the current folder must not stand in for a module.
    command = [sys.executable, "-P", "-c", _RESUME, "resume", run.name, "--runs", str(run.folder.parent), "--json"]
    with (run.folder / _LOG).open("ab") as log:
        # A session of its own: Ctrl-C reaches this process alone, which then asks the others to stop, once.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
        )


def _last_words(run: Run, code: int) -> str:
    log: Path = run.folder / _LOG
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing"]
    return f"The run {run.name} stopped with exit code {code}. It said: {said[-1]} (all of it: {log})"
