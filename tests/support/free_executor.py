"""The evaluator that costs nothing, and a watcher that says nothing, for tests of everything around them."""

from __future__ import annotations

from discovery.bench.free import FreeExecutor, free_report
from discovery.executors import Completed

__all__ = ["DriverGoneError", "DyingExecutor", "FreeExecutor", "Silent", "free_report"]


class Silent:
    """A watcher that counts, and remembers what it was told of troubles."""

    def __init__(self) -> None:
        self.starts = 0
        self.tells = 0
        self.troubles: list[str] = []

    def started(self, *_: object) -> None:
        self.starts += 1

    def told(self, *_: object) -> None:
        self.tells += 1

    def troubled(self, message: str, /) -> None:
        self.troubles.append(message)


class DriverGoneError(Exception):
    """Stands for a kill: the driver is gone between two instructions."""


class DyingExecutor(FreeExecutor):
    """Stops the driver before the answer number `die_at` reaches it."""

    def __init__(self, die_at: int) -> None:
        super().__init__()
        self.die_at = die_at

    def wait(self) -> list[Completed]:
        if self.answered == self.die_at:
            raise DriverGoneError
        return super().wait()
