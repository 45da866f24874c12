"""Who waits for which measurement: the part of a driver's state that the facts in the store do not tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from archive.records import Purpose
from discovery.scheduling.ladder import Ladder


@dataclass(frozen=True, slots=True)
class Batch:
    """Candidates that wait for a job."""

    purpose: Purpose
    task: str
    budget: float
    seeds: tuple[int, ...]
    candidates: tuple[int, ...]


@dataclass
class Queues:
    """What was decided and not asked yet; small, whatever the length of the run.

    Attributes:
        steps: How many steps the ladder has.
        ready: Jobs to ask first, in order.
        climbing: By step, candidates that wait for it.
        repeating: Candidates that are being measured again, with their fresh seeds.
        referenced: The fresh seeds for which the reference was asked too.
        trainings: Programs asked for by purpose, search and repeats alone.
        look_at: How many candidates must be judged before it is worth looking again for somebody to repeat.
    """

    steps: int
    ready: list[Batch] = field(default_factory=list)
    climbing: list[list[int]] = field(init=False)
    repeating: dict[int, tuple[int, ...]] = field(default_factory=dict)
    referenced: list[tuple[int, ...]] = field(default_factory=list)
    trainings: dict[Purpose, int] = field(default_factory=lambda: {Purpose.SEARCH: 0, Purpose.REMEASURE: 0})
    look_at: int = 0

    def __post_init__(self) -> None:
        self.climbing = [[] for _ in range(self.steps)]

    def __contains__(self, candidate: int) -> bool:
        waiting = (*(batch.candidates for batch in self.ready), *self.climbing, self.repeating)
        return any(candidate in each for each in waiting)

    def pop(self, failed: Callable[[int], bool]) -> Batch | None:
        """The first batch that is ready; in repeats without those who failed in the meantime."""
        while self.ready:
            batch = self.ready.pop(0)
            if batch.purpose is not Purpose.REMEASURE:
                return batch
            alive = tuple(number for number in batch.candidates if not failed(number))
            if alive:
                return replace(batch, candidates=alive)
        return None

    def climbers(self, at_least: int, at_most: int) -> tuple[int, list[int]] | None:
        """The latest step that enough candidates wait for, and those of them that came first."""
        for step in reversed(range(self.steps)):
            waiting = self.climbing[step]
            if len(waiting) >= at_least:
                self.climbing[step] = waiting[at_most:]
                return step, waiting[:at_most]
        return None

    def count(self, purpose: Purpose, programs: int) -> None:
        """Note what was asked for."""
        if purpose in self.trainings:
            self.trainings[purpose] += programs

    def allowance(self, share: float) -> int:
        """How many more programs may be repeated before repeats are this share of all that was asked."""
        search, repeats = self.trainings[Purpose.SEARCH], self.trainings[Purpose.REMEASURE]
        return int(share / (1 - share) * search) - repeats

    def extend(self, other: Queues) -> None:
        """Take over what waits in another driver's queues, or in those of a shorter ladder."""
        self.ready += other.ready
        for step, waiting in enumerate(other.climbing):
            self.climbing[step] += waiting
        self.repeating |= other.repeating
        self.referenced += [seeds for seeds in other.referenced if seeds not in self.referenced]
        self.trainings = {purpose: max(number, other.trainings[purpose]) for purpose, number in self.trainings.items()}
        self.look_at = max(self.look_at, other.look_at)

    def dump(self) -> dict[str, Any]:
        """Plain data for `load`."""
        return {
            "steps": self.steps,
            "ready": [[each.purpose.value, each.task, each.budget, each.seeds, each.candidates] for each in self.ready],
            "climbing": self.climbing,
            "repeating": [[number, seeds] for number, seeds in self.repeating.items()],
            "referenced": self.referenced,
            "trainings": {purpose.value: number for purpose, number in self.trainings.items()},
            "look_at": self.look_at,
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The queues that `dump` wrote."""
        queues = cls(
            data["steps"],
            [Batch(Purpose(each[0]), each[1], each[2], tuple(each[3]), tuple(each[4])) for each in data["ready"]],
            {number: tuple(seeds) for number, seeds in data["repeating"]},
            [tuple(seeds) for seeds in data["referenced"]],
            {Purpose(name): number for name, number in data["trainings"].items()},
            data["look_at"],
        )
        queues.climbing = [list(waiting) for waiting in data["climbing"]]
        return queues


def from_version_1(state: Mapping[str, Any], ladder: Ladder, fresh_seeds: tuple[int, ...]) -> Queues:
    """The queues of a driver before there were rungs: one step for each task, with the same seeds on all."""
    seeds = ladder.steps[0].seeds
    queues = Queues(1 + len(state["climbing"]))
    queues.climbing[1:] = [list(waiting) for waiting in state["climbing"].values()]
    for name, task, candidates in state["ready"]:
        purpose = Purpose(name)
        chosen = fresh_seeds if purpose is Purpose.FRESH else seeds
        queues.ready.append(Batch(purpose, task, 1.0, chosen, tuple(candidates)))
    return queues
