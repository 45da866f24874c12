"""A watcher of the funnel that only remembers."""

from __future__ import annotations


class Quiet:
    """A watcher that remembers what was said."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.seen: list[tuple[str, int, int]] = []

    def progress(self, stage: str, done: int, expected: int, _left: float | None) -> None:
        self.seen.append((stage, done, expected))

    def said(self, message: str) -> None:
        self.messages.append(message)
