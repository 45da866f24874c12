"""What a person sees while a search runs: live lines on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archive.grid import AddStatus, Elite
from archive.records import OpenJob
from discovery.emitters.statistics import summaries
from discovery.executors import Completed
from discovery.loop import Search
from discovery.scheduling.scheduler import Phase, Told
from evaluators.sandbox.levels import Level

_LOG_EVERY = 10.0
_WORDS = {
    Phase.BASELINES: "measuring the start rules and baselines",
    Phase.SEARCH: "searching",
    Phase.FINAL: "measuring the best again with fresh seeds",
    Phase.DONE: "done",
}
_AFTER_REPEATS = "after measuring again"
_WHERE = {
    AddStatus.NEW: "in a new cell",
    AddStatus.IMPROVED: "in its cell",
    AddStatus.NOT_ADDED: _AFTER_REPEATS,
    None: _AFTER_REPEATS,
}


class Progress:
    """Follows a search. Use as a context manager around `drive`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._since: float | None = None
        self._offset = (0, 0, 0)
        self._evaluated = 0
        self._leader: int | None = None
        self._logged = time.monotonic()
        self._phase: Phase | None = None
        self._isolation: int = max(Level)

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def started(self, search: Search, job: OpenJob) -> None:  # noqa: ARG002 - any start may change the numbers
        """Show that something is going on."""
        if search.scheduler.phase is not self._phase:
            self._phase = search.scheduler.phase
            if not self._live:
                self._say(Text(f"{_WORDS[self._phase]} ..."))
        self._begin(search)
        self._show(search)

    def told(self, search: Search, completed: Completed, told: Told) -> None:
        """Show what came of a job; announce a new best rule."""
        if completed.report.sandbox < self._isolation and search.run.config.evaluation.sandbox == "auto":
            self._isolation = completed.report.sandbox
            self._warn(
                f"isolation is at level {self._isolation} of {max(Level)} here; "
                "discover doctor says why, and what would raise it"
            )
        if completed.trouble:
            self._warn(completed.trouble)
        self._evaluated += sum(verdict.revision == 0 for verdict in told.verdicts)
        leader = search.scheduler.grid.best()
        if leader and leader.id != self._leader:
            entered = told.entered.get(leader.id)
            self._announce(
                search, leader, "from before" if entered is None and self._leader is None else _WHERE[entered]
            )
            self._leader = leader.id
        self._show(search)

    def troubled(self, message: str) -> None:
        """Say what the search waits for."""
        self._warn(message)

    def _announce(self, search: Search, leader: Elite, where: str) -> None:
        candidate = search.scheduler.candidate(leader.id)
        how = candidate.note or candidate.emitter
        self._say(
            Text.assemble(
                (_duration(search.elapsed), "dim"),
                " best so far ",
                (f"{leader.score:.3f}", "bold green"),
                f" #{leader.id} {candidate.name}: {how} ",
                (f"({where})", "dim"),
            )
        )

    def _begin(self, search: Search) -> None:
        """Rates count from the start of the search phase in this process, so that a resumed run shows its own."""
        if self._since is None and search.scheduler.phase is Phase.SEARCH:
            self._since = search.elapsed
            self._offset = _counts(search)
            self._evaluated = 0

    def _show(self, search: Search) -> None:
        if self._live:
            self._live.update(self._render(search))
        elif time.monotonic() - self._logged > _LOG_EVERY:
            self._logged = time.monotonic()
            self._say(Text(self._line(search)))

    def _warn(self, text: str) -> None:
        self._say(Text.assemble(("warning: ", "yellow"), text))

    def _say(self, text: Text) -> None:
        self._console.print(text, soft_wrap=not self._console.is_terminal)  # a log is searched line by line

    def _render(self, search: Search) -> RenderableType:
        bar = Table.grid(padding=(0, 1))
        share = _share(search)
        bar.add_row(_WORDS[search.scheduler.phase], ProgressBar(total=1.0, completed=share, width=40), f"{share:.0%}")
        return Group(bar, Text(self._line(search)), Text(_emitters(search), style="dim"))

    def _line(self, search: Search) -> str:
        proposals, distinct, _ = _counts(search)
        seconds = max(search.elapsed - self._since, 1e-9) if self._since is not None else 0.0
        rate = {
            "proposals": (proposals, proposals - self._offset[0]),
            "distinct": (distinct, distinct - self._offset[1]),
            "evaluated": (_counts(search)[2], self._evaluated),
        }
        parts = [
            f"{what} {total:,}" + (f" ({recent / seconds:.1f}/s)" if seconds > 0.5 else "")
            for what, (total, recent) in rate.items()
        ]
        grid = search.scheduler.grid
        best = grid.best()
        parts.append(f"best {best.score:.3f} #{best.id}" if best else "best -")
        parts.append(f"coverage {len(grid)} cells ({grid.coverage:.1%})")
        parts.append(f"left {_time_left(search, self._since, self._offset[1])}")
        return " · ".join(parts)


def _emitters(search: Search) -> str:
    """Who makes the candidates, and how many of each took a cell."""
    return " · ".join(
        f"{name} {found['share']:.0%}, {found['entered']:,.0f} in"
        for name, found in summaries(search.scheduler.proposer.statistics).items()
    )


def _counts(search: Search) -> tuple[int, int, int]:
    """Proposals, distinct ones, and those with a verdict."""
    scheduler = search.scheduler
    return sum(scheduler.proposer.counts.values()), scheduler.proposed, scheduler.judged


def _share(search: Search) -> float:
    """How much of the budget is spent: of time or of evaluations, whichever is further."""
    if search.scheduler.phase in (Phase.FINAL, Phase.DONE):
        return 1.0
    spent = [0.0]
    if search.budget.evaluations:
        spent.append(search.scheduler.proposed / search.budget.evaluations)
    if search.budget.minutes:
        spent.append(search.elapsed / (60 * search.budget.minutes))
    if search.budget.device_seconds:
        spent.append(search.scheduler.device_seconds / search.budget.device_seconds)
    return min(1.0, max(spent))


def _time_left(search: Search, since: float | None, proposed_before: int) -> str:
    if search.scheduler.phase is not Phase.SEARCH or since is None:
        return "-"
    left = []
    if search.budget.minutes:
        left.append(60 * search.budget.minutes - search.elapsed)
    made = search.scheduler.proposed - proposed_before
    if search.budget.evaluations and made > 0 and search.elapsed > since:
        rate = made / (search.elapsed - since)
        left.append((search.budget.evaluations - search.scheduler.proposed) / rate)
    return _duration(max(0.0, min(left))) if left else "-"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))
