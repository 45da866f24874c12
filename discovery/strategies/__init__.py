"""Whose children are tried next, one way of choosing per file.

- `base`: what a strategy is asked and told.
- `map_elites`: parents are elites of random cells.
- `aging`: parents are members of a population whose oldest goes; with restarts.
- `hill_climb`: the parent is the best so far.
- `islands`: several of one kind side by side, with migration.

`build` turns the configuration into the strategy of a run.
"""

from __future__ import annotations

from collections.abc import Sequence

from archive.grid import Axis
from discovery.config import StrategyConfig
from discovery.strategies.aging import Aging
from discovery.strategies.base import Strategy
from discovery.strategies.hill_climb import HillClimb
from discovery.strategies.islands import Islands
from discovery.strategies.map_elites import MapElites

__all__ = ["Aging", "HillClimb", "Islands", "MapElites", "Strategy", "build"]


def build(config: StrategyConfig, axes: Sequence[Axis]) -> Strategy:
    """The strategy of a configuration, on an archive with these axes. Random search never asks it for a parent."""
    islands = [_build(config, axes) for _ in range(config.islands.count)]
    return islands[0] if len(islands) == 1 else Islands(islands, config.islands.migrate_every)


def _build(config: StrategyConfig, axes: Sequence[Axis]) -> Strategy:
    match config.kind:
        case "aging":
            return Aging(config.population, config.tournament, config.restart_after, config.restart_from)
        case "constants":
            return HillClimb()
        case "map_elites" | "random":
            return MapElites(axes, config.tournament)
