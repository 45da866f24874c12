"""`fitness`: one number from the losses on several tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from discovery.config.section import Section
from discovery.scoring import CAP, MOST_CAP


class FitnessConfig(Section):
    """One number from the losses on several tasks, each relative to tuned AdamW.

    Attributes:
        kind: `geometric` for the geometric mean of the ratios; `rank` for the mean rank that they would have among
            rules that scatter about AdamW as the baselines do, so that no task counts more because its losses lie
            further apart; `worst` for the smallest ratio.
        cap: No single task counts as better than this many times AdamW, or worse than its inverse.
    """

    kind: Literal["geometric", "rank", "worst"] = "geometric"
    cap: Annotated[float, Field(gt=1, le=MOST_CAP)] = CAP
