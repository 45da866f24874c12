"""`noise`: how much is spent on finding out whether the best are as good as they looked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from discovery.config.section import Section


class NoiseConfig(Section):
    """Repeats with fresh seeds during the search; the reference is trained on the same seeds.

    Attributes:
        share: At most this share of all trainings repeats earlier ones; 0 for none.
        seeds: Fresh seeds of one repeat.
        within: An elite is repeated while it is this many standard errors from the leader, or nearer.
        after: Any elite is repeated once when it has stayed for this many judgements of others.
        most: Seeds that are enough to know a rule, those of the search included.
    """

    share: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    seeds: Annotated[int, Field(ge=1, le=100)] = 2
    within: Annotated[float, Field(ge=0)] = 2.0
    after: PositiveInt = 100
    most: Annotated[int, Field(ge=1, le=500)] = 12
