"""That skips cannot hide a regression."""

from __future__ import annotations

from collections.abc import Callable

from evaluators.sandbox.levels import Level


def test_the_highest_level_is_available_on_ci(needs: Callable[[Level], None]) -> None:
    needs(Level.NAMESPACES)
