"""The evaluator that costs nothing, and a watcher that says nothing, for tests of everything around them."""

from __future__ import annotations

from discovery.bench.free import FreeExecutor, free_report

__all__ = ["FreeExecutor", "Silent", "free_report"]


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
