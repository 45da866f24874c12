"""What a person sees while a search runs: live lines on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archive.grid import AddStatus
from archive.records import OpenJob
from discovery.executors import Completed
from discovery.loop import Search
from discovery.scheduler import Phase, Told
from evaluators.sandbox.levels import Level

_LOG_EVERY = 10.0
_WORDS = {
    Phase.BASELINES: "measuring the start rules and baselines",
    Phase.SEARCH: "searching",
    Phase.FINAL: "measuring the best again with fresh seeds",
    Phase.DONE: "done",
}


class Progress:
    """Follows a search. Use as a context manager around `drive`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._since: float | None = None
        self._offset = (0, 0, 0)
        self._evaluated = 0
        self._best = 0.0
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
        self._evaluated += len(told.verdicts)
        for verdict in told.verdicts:
            if verdict.score is not None and verdict.score > self._best:
                self._best = verdict.score
                self._announce(search, verdict.candidate, verdict.score, told.entered[verdict.candidate])
        self._show(search)

    def _announce(self, search: Search, number: int, score: float, status: AddStatus) -> None:
        candidate = search.scheduler.candidates[number]
        how = candidate.note or candidate.emitter
        where = "in a new cell" if status is AddStatus.NEW else "in its cell"
        self._say(
            Text.assemble(
                (_duration(search.elapsed), "dim"),
                " best so far ",
                (f"{score:.3f}", "bold green"),
                f" #{number} {candidate.name}: {how} ",
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
        return Group(bar, Text(self._line(search)))

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
