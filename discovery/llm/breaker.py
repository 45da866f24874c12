"""A circuit breaker: a server that does not answer is left alone for a while, then for longer, then for good."""

from __future__ import annotations

from discovery.config.llm import BreakerConfig


class Breaker:
    """Counts failures in a row; every instant is passed in.

    Nygard, "Release it!", 2007, for the pattern.

    Attributes:
        gone: Whether it will not be tried again.
    """

    def __init__(self, config: BreakerConfig) -> None:
        self.gone = False
        self._config = config
        self._failures = 0
        self._pauses = 0
        self._closed_until: float | None = None

    def allows(self, now: float) -> bool:
        """Whether a call may be made; after a pause one may, and decides on the next."""
        return not self.gone and (self._closed_until is None or now >= self._closed_until)

    def succeeded(self) -> None:
        """A call was answered."""
        self._failures = self._pauses = 0
        self._closed_until = None

    def failed(self, now: float) -> float | None:
        """A call was not.

        Returns:
            The seconds of the pause that begins now, infinite if the server is given up; None if none begins.
        """
        self._failures += 1
        probing = self._closed_until is not None
        if self.gone or (self._failures < self._config.failures and not probing):
            return None
        if probing and now < (self._closed_until or 0.0):
            return None  # was in flight when the pause began
        self._pauses += 1
        if self._pauses > self._config.give_up:
            self.gone = True
            return float("inf")
        pause = self._config.pause * 2.0 ** (self._pauses - 1)
        self._closed_until = now + pause
        return pause
