"""Idea notes: what was tried in a run, with which kind of rule, and what it did, on how many measurements.

Every judged child of a judged parent is one observation of everything that tells the two apart: operations that came or
went, states, constants alone. A note gathers the observations of one change to one kind of parent. It is a statistic,
not an explanation: a child differs from its parent in more than one way as often as not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import fmean, median

from archive.grid import AXES
from archive.store import RunStore
from programs.check import check
from programs.ir import Program
from programs.measures import measure
from programs.parse import parse

_FEWEST = 3
_REMEMBERED = 400
"""Changes that are kept count of; the one seen longest ago goes."""
_OBSERVATIONS = 60
_KIND_AXES = ("state_slots", "gradient_homogeneity")
_FAILURE = -0.05
"""What a failure counts as beside logarithms of scores, where notes are ranked."""
_FORGOTTEN = "insights-forgotten.json"


@dataclass(frozen=True, slots=True)
class Insight:
    """One note.

    Attributes:
        key: A short name for it, the same in every run.
        condition: What kind of rule it is about.
        tried: What was done.
        measured: Children that it was observed on.
        failed: How many of them failed.
        change: Median change of the score, as a ratio; NaN if all failed.
        better: Share of all that were better than their parent.
    """

    key: str
    condition: str
    tried: str
    measured: int
    failed: int
    change: float
    better: float

    def sentence(self) -> str:
        """The note for a reader, and for a model."""
        failed = f", {self.failed} failed" if self.failed else ""
        change = "" if math.isnan(self.change) else f"; median change of the score {self.change - 1:+.1%}"
        return (
            f"In rules with {self.condition}: {self.tried}. Measured {self.measured} times{failed}{change}; "
            f"{self.better:.0%} were better than their parent."
        )


@dataclass(slots=True)
class _Observed:
    condition: str
    tried: str
    changes: deque[float | None] = field(default_factory=lambda: deque(maxlen=_OBSERVATIONS))


class Notebook:
    """Keeps count of changes as children are judged; bounded, and the same for the same verdicts in the same order.

    Args:
        forgotten: Keys of notes that nobody wants to see.
    """

    def __init__(self, forgotten: Iterable[str] = ()) -> None:
        self._forgotten = frozenset(forgotten)
        self._observed: dict[str, _Observed] = {}

    def observe(self, parent: Program, child: Program, parent_score: float, child_score: float | None) -> None:
        """Take in a judged child; None for the score of one that failed."""
        change = None if child_score is None else math.log(child_score) - math.log(parent_score)
        condition = _condition(parent)
        for tried in _differences(parent, child):
            key = _key(condition, tried)
            observed = self._observed.pop(key, None) or _Observed(condition, tried)
            observed.changes.append(change)
            self._observed[key] = observed  # the latest last
        while len(self._observed) > _REMEMBERED:
            del self._observed[next(iter(self._observed))]

    def insights(self) -> list[Insight]:
        """The notes, those that say most first: seen often, and with an effect that is clear of zero."""
        noted = [
            (_weight(observed), key, observed)
            for key, observed in self._observed.items()
            if len(observed.changes) >= _FEWEST and key not in self._forgotten
        ]
        return [_insight(key, observed) for _, key, observed in sorted(noted, key=lambda row: (-row[0], row[1]))]


def mined(run: RunStore, without: Iterable[str] = ()) -> list[Insight]:
    """The notes of a run, from its archive, but for those of some keys."""
    candidates = {candidate.id: candidate for candidate in run.candidates()}
    notebook = Notebook(without)
    verdicts = [(verdict.candidate, verdict.score) for verdict in run.verdicts() if verdict.revision == 0]
    program = lru_cache(1024)(lambda number: parse(candidates[number].source))
    parents = {number: candidate.parents for number, candidate in candidates.items()}
    observe_all(notebook, verdicts, parents, program, {})
    return notebook.insights()


def forgotten(folder: Path) -> frozenset[str]:
    """The keys of the notes that were pruned in the run of this folder."""
    file = folder / _FORGOTTEN
    return frozenset(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else frozenset()


def forget(folder: Path, keys: Iterable[str]) -> None:
    """Prune notes of the run of this folder: they are shown to no model from the next start of the run on."""
    kept = sorted(forgotten(folder).union(keys))
    draft = folder / f".{_FORGOTTEN}"
    draft.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    draft.rename(folder / _FORGOTTEN)


def observe_all(
    notebook: Notebook,
    verdicts: Iterable[tuple[int, float | None]],
    parents: Mapping[int, tuple[int, ...]],
    program: Callable[[int], Program],
    scores: dict[int, float | None],
) -> None:
    """Show a notebook verdicts in the order told.

    Args:
        notebook: Takes them in.
        verdicts: Candidates with their first scores, None for failures.
        parents: Of every candidate, the main one first.
        program: Of a candidate.
        scores: What is known so far; grows by the verdicts.
    """
    for child, score in verdicts:
        scores[child] = score
        main = parents.get(child, ())[:1]
        known = scores.get(main[0]) if main else None
        if known is not None:
            notebook.observe(program(main[0]), program(child), known, score)


def _condition(parent: Program) -> str:
    measures = measure(parent)
    axes = [AXES[name] for name in _KIND_AXES]
    return " and ".join(f"{axis.labels[axis.bin(measures[axis.name])]} as {axis.label}" for axis in axes)


def _differences(parent: Program, child: Program) -> Iterator[str]:
    before, after = (Counter(instr.op for instr in program.body) for program in (parent, child))
    for op in sorted(set(before) | set(after)):
        if before[op] == 0:
            yield f"adding {op}"
        elif after[op] == 0:
            yield f"leaving out {op}"
    slots = len(check(child).live_states) - len(check(parent).live_states)
    if slots:
        yield "adding state" if slots > 0 else "leaving out state"
    if before == after and len(parent.states) == len(child.states):
        yield "the same operations on other values or with other constants"


def _weight(observed: _Observed) -> float:
    """How many standard errors the mean effect is from none; failures count as a clear loss."""
    values = [_FAILURE if change is None else max(change, _FAILURE) for change in observed.changes]
    mean = fmean(values)
    spread = math.sqrt(fmean((value - mean) ** 2 for value in values) + 1e-4)
    return abs(mean) * math.sqrt(len(values)) / spread


def _insight(key: str, observed: _Observed) -> Insight:
    changes = [change for change in observed.changes if change is not None]
    return Insight(
        key=key,
        condition=observed.condition,
        tried=observed.tried,
        measured=len(observed.changes),
        failed=len(observed.changes) - len(changes),
        change=math.exp(median(changes)) if changes else math.nan,
        better=sum(change > 0 for change in changes) / len(observed.changes),
    )


def _key(condition: str, tried: str) -> str:
    return hashlib.sha256(f"{condition}: {tried}".encode()).hexdigest()[:6]
