"""What a person sees while the funnel measures: how far a stage is, and how long it will take."""

from __future__ import annotations

import time
from datetime import timedelta

from rich.console import Console
from rich.text import Text

_LOG_EVERY = 10.0


class Stages:
    """Follows a promotion or a comparison. Use as a context manager around it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting") if console.is_terminal else None
        self._logged = time.monotonic()

    def __enter__(self) -> Stages:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def progress(self, stage: str, done: int, expected: int, seconds_left: float | None) -> None:
        """Show how far a stage is."""
        left = "" if seconds_left is None else f", about {timedelta(seconds=round(seconds_left))} left in this stage"
        line = f"{stage}: {done:,} of {expected:,} measurements{left}"
        if self._status:
            self._status.update(Text(line))
        elif time.monotonic() - self._logged > _LOG_EVERY:
            self._logged = time.monotonic()
            self._console.print(Text(line), soft_wrap=True)

    def said(self, message: str) -> None:
        """Print what was found out."""
        self._console.print(Text(message), soft_wrap=True)
