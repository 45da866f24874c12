"""What a promotion found out: about each candidate, and about the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from discovery.funnel.fair import Standing
from discovery.funnel.fresh import Bias, Fresh
from discovery.funnel.maps import Maps
from discovery.funnel.sealed import Tested
from discovery.funnel.settings import Settings
from discovery.funnel.simplification import Simplified
from discovery.funnel.speedup import Speedup
from discovery.funnel.tuning import Tuned
from discovery.funnel.validation import Transfer, Validated
from discovery.funnel.verified import Verified
from discovery.runs import Run
from programs.ir import Program


@dataclass(slots=True)
class Promotion:
    """How far one candidate came.

    Attributes:
        candidate: Its number in the run.
        program: As the search found it.
        rejected: Why it was stopped, and where; empty while it was not.
    """

    candidate: int
    program: Program
    rejected: str = ""
    fresh: Fresh | None = None
    validated: Validated | None = None
    tuned: Tuned | None = None
    standing: Standing | None = None
    simplified: Simplified | None = None
    speedups: Sequence[Speedup] = ()
    maps: Maps | None = None
    tested: Tested | None = None
    verified: Verified | None = None


@dataclass(slots=True)
class Funnel:
    """What a promotion found out.

    Attributes:
        run: Whose candidates they are.
        settings: How much was measured.
        tried: How many candidates of the run have been put into the funnel, earlier promotions included.
        promotions: One per candidate.
        bias: Selection bias of these candidates.
        transfer: What the run's search scores are worth; None if there was nobody to measure.
        baselines: Who the candidates were compared with, tuned.
        baseline_maps: Sensitivity maps of AdamW.
        sandbox: The lowest level of isolation that anything was measured at.
    """

    run: Run
    settings: Settings
    tried: int
    promotions: list[Promotion]
    bias: Bias | None = None
    transfer: Transfer | None = None
    baselines: list[Tuned] = field(default_factory=list)
    baseline_maps: Maps | None = None
    sandbox: int | None = None


def folder_of(run: Run, candidate: int) -> Path:
    """Where the certificate of a candidate lies, with the exported file."""
    return run.folder / "promotions" / str(candidate)
