"""`strategy`: whose children are tried next."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import PositiveInt, model_validator

from discovery.config.section import Section

_TAKES = {
    "tournament": ("map_elites", "aging"),
    "population": ("aging",),
    "restart_after": ("aging",),
    "restart_from": ("aging",),
    "islands": ("map_elites", "aging", "constants"),
}


class IslandsConfig(Section):
    """Searches side by side that exchange a parent now and then.

    Attributes:
        count: How many; 1 for none of this.
        migrate_every: Candidates of an island between two of its emigrants.
    """

    count: PositiveInt = 1
    migrate_every: PositiveInt = 50


class StrategyConfig(Section):
    """Whose children are tried next.

    Attributes:
        kind: `map_elites` breeds from the archive; `aging` from a population whose oldest member goes, the regularized
            evolution of the Lion paper (there with a population of 1000 and tournaments of 2); `random` only draws
            random programs and `constants` only tunes constants: the two controls that a search has to beat.
        tournament: A parent is the best of this many; 1 draws parents uniformly.
        population: Members that `aging` keeps.
        restart_after: Candidates after which `aging` starts over with a new population; null for never.
        restart_from: What the new population is filled with: the rules of `start`, or the best rule so far.
        islands: `map_elites`, `aging` or `constants` several times, side by side.
    """

    kind: Literal["map_elites", "aging", "random", "constants"] = "map_elites"
    tournament: PositiveInt = 3
    population: PositiveInt = 100
    restart_after: PositiveInt | None = None
    restart_from: Literal["start", "best"] = "start"
    islands: IslandsConfig = IslandsConfig()

    @model_validator(mode="after")
    def _takes_only_its_keys(self) -> Self:
        for key, kinds in _TAKES.items():
            if self.kind not in kinds and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} belongs to kind: {' or '.join(kinds)}, not {self.kind}")
        return self
