"""How fast the loop turns, and for how long: everything real but the training and the making of rules."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from numpy.random import Generator

from archive.grid import AXES, Grid
from archive.records import OpenJob
from discovery import proposer, strategies
from discovery.bench.free import FreeExecutor
from discovery.config import Config
from discovery.emitters import Emitter, Parents, Proposal
from discovery.emitters.bandit import Bandit
from discovery.emitters.statistics import NOVEL
from discovery.executors import Completed
from discovery.loop import Search, drive, prepare
from discovery.plan import initial_rules, plan
from discovery.proposer import Novel, Proposer
from discovery.runs import Run, create
from discovery.scheduling.scheduler import Scheduler, Told
from evaluators.sandbox import tree
from programs.ir import Const
from programs.parse import parse

WINDOWS = 10
SLOTS = 8
"""Jobs in flight, all of which come back in one turn."""
_WITH_EMITTERS = 2_000
"""Candidates of the shorter run with the real emitters."""

_MARK = Const(0.5)
_DRAWN = tuple(
    parse(text)
    for text in (
        "def candidate(w, g, lr):\n    return g * 0.5 * lr\n",
        "def candidate(w, g, lr):\n    return sign(g) * 0.5 * lr\n",
        "def candidate(w, g, m, lr):\n    m = interp(g, m, 0.9)\n    return m * 0.5 * lr, m\n",
        "def candidate(w, g, m, lr):\n    m = interp(g, m, 0.9)\n    return sign(m) * 0.5 * lr, m\n",
        "def candidate(w, g, v, lr):\n    v = interp(square(g), v, 0.9)\n    return g / (sqrt(v) + 0.5) * lr, v\n",
    )
)
"""Short rules of several kinds, told apart by one constant; what real ones cost is measured by itself."""


@dataclass(frozen=True, slots=True)
class Window:
    """One tenth of the run.

    Attributes:
        candidates: Judged until its end.
        tells: Results told until its end; there may be several for one candidate.
        tells_per_s: During it.
        rss_mb: Memory of the process at its end, in MiB.
    """

    candidates: int
    tells: int
    tells_per_s: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class LoopSpeed:
    """What was measured.

    Attributes:
        candidates: Proposed in the run.
        batch: Candidates in a job.
        slots: Jobs in flight.
        seconds: From the first ask to the end.
        tells_per_s_first: Results told per second in the first tenth.
        tells_per_s_last: In the last.
        rss_mb_first: Memory of the process after the first tenth, in MiB.
        rss_mb: At the end.
        database_mb: The archive at the end, in MiB.
        tells_per_s_with_emitters: In a shorter run, where the emitters look for novel rules as in any search.
        windows: The run, tenth by tenth.
    """

    candidates: int
    batch: int
    slots: int
    seconds: float
    tells_per_s_first: float
    tells_per_s_last: float
    rss_mb_first: float
    rss_mb: float
    database_mb: float
    tells_per_s_with_emitters: float
    windows: tuple[Window, ...]


def bench(candidates: int, folder: Path, progress: Callable[[str], None], url: str | None = None) -> LoopSpeed:
    """Tell so many candidates in a run of its own in `folder`, or in the database named, and measure every tenth."""
    run, windows, seconds = _measure(_config("short", candidates, url), folder, progress, _drawn)
    database = sum(path.stat().st_size for path in run.folder.glob("run.db*"))
    progress("the same with the real emitters")
    config = _config("found", min(candidates, _WITH_EMITTERS), url)
    _, real, _ = _measure(config, folder, progress, proposer.build)
    return LoopSpeed(
        candidates=candidates,
        batch=run.config.evaluation.batch,
        slots=SLOTS,
        seconds=seconds,
        tells_per_s_first=windows[0].tells_per_s,
        tells_per_s_last=windows[-1].tells_per_s,
        rss_mb_first=windows[0].rss_mb,
        rss_mb=windows[-1].rss_mb,
        database_mb=database / 2**20,
        tells_per_s_with_emitters=median(window.tells_per_s for window in real),
        windows=tuple(windows),
    )


def _measure(
    config: Config, folder: Path, progress: Callable[[str], None], make: Callable[[Config, Grid], Proposer]
) -> tuple[Run, list[Window], float]:
    """A run, its tenths, and its seconds."""
    run = create(config, folder)
    search = prepare(run)
    grid = Grid([AXES[name] for name in config.archive.axes])
    rules = plan(config, initial_rules(config, folder))
    search.scheduler = Scheduler(rules, grid, make(config, grid), run.store.candidate)
    watcher = _Watcher(search, progress)
    begin = time.perf_counter()
    drive(search, FreeExecutor(SLOTS), watcher)
    return run, watcher.windows, time.perf_counter() - begin


def _config(name: str, candidates: int, url: str | None) -> Config:
    return Config.model_validate(
        {
            "name": name,
            "budget": {"evaluations": candidates},
            "archive": {"url": url},
            "evaluation": {"tasks": ["digits_mlp"]},
            "executor": {"kind": "inprocess"},
        }
    )


def _drawn(config: Config, grid: Grid) -> Proposer:
    emitter = _Drawn()
    return _Trusting([emitter], Bandit({emitter.name: 1.0}, 1.0), strategies.build(config.strategy, grid.axes), grid)


class _Drawn:
    """An emitter of short rules, no two of them alike."""

    name = "drawn"
    _count = 0

    def propose(self, parents: Parents, rng: Generator) -> Proposal:  # noqa: ARG002 - drawn beforehand
        """The next of them."""
        self._count += 1
        kind, constant = _DRAWN[self._count % len(_DRAWN)], Const(1 + 1e-6 * self._count)
        body = (replace(each, args=tuple(constant if arg == _MARK else arg for arg in each.args)) for each in kind.body)
        return Proposal(replace(kind, body=tuple(body)), self.name, (1,), f"drawn {self._count}")


class _Trusting(Proposer):
    """Takes what it is given for novel, without a look at what it does."""

    def _propose(self, emitter: Emitter, parents: Parents, rng: Generator) -> tuple[str, Novel]:
        proposal = emitter.propose(parents, rng)
        return NOVEL, Novel(proposal, proposal.note, proposal.note)


class _Watcher:
    """Looks at the clock and the memory whenever another tenth of the candidates is judged."""

    def __init__(self, search: Search, progress: Callable[[str], None]) -> None:
        self.windows: list[Window] = []
        self.tells = 0
        self._candidates = search.run.config.budget.evaluations or 0
        self._progress = progress
        self._before = (0, time.perf_counter())

    def started(self, _search: Search, _job: OpenJob, /) -> None:
        """Nothing to see yet."""

    def told(self, search: Search, _completed: Completed, told: Told, /) -> None:
        """Count; close the window when it is full."""
        self.tells += len(told.evaluations)
        share = len(self.windows) + 1
        if share <= WINDOWS and search.scheduler.judged * WINDOWS >= self._candidates * share:
            now = time.perf_counter()
            tells, since = self._before
            rate = (self.tells - tells) / (now - since)
            memory = tree.resident_bytes(os.getpid()) / 2**20
            self.windows.append(Window(search.scheduler.judged, self.tells, rate, memory))
            self._before = self.tells, now
            self._progress(f"{share} of {WINDOWS} tenths: {rate:,.0f} tells/s")

    def troubled(self, message: str, /) -> None:
        """Say it."""
        self._progress(message)
