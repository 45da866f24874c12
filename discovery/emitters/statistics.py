"""What an emitter has proposed, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOVEL = "novel"
SAME_STRUCTURE = "same structure"
SAME_BEHAVIOUR = "same behaviour"
NOT_FINITE = "not finite"
NO_RESPONSE = "no response"
NO_EDIT = "no legal edit"


@dataclass
class Statistics:
    """Counts and sums over one emitter.

    Attributes:
        fates: Proposals by fate: `novel`, `same structure`, `same behaviour`, `not finite` or `no response` to
            gradients on the probes, `no legal edit`.
        rejected: Edits that came to nothing on the way to a proposal, by operator and reason.
        scored: Candidates of its own that were scored.
        failed: Candidates of its own that failed or were outpaced.
        entered: Times that a candidate of its own took a cell of the archive.
        gain: By how much they raised the archive's QD score, counted from the lowest score there is, less what
            measuring them again took back.
        cost: What their first measurements cost, in the unit that the search counts cost in.
        seconds: How long these took.
    """

    fates: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    scored: int = 0
    failed: int = 0
    entered: int = 0
    gain: float = 0.0
    cost: float = 0.0
    seconds: float = 0.0

    @property
    def proposed(self) -> int:
        """Programs it proposed, good for anything or not."""
        return self.fates.total() - self.fates[NO_EDIT]

    @property
    def novel(self) -> int:
        """Proposals that behaved like nothing before; each became a candidate."""
        return self.fates[NOVEL]

    @property
    def reused(self) -> int:
        """Proposals that were known and cost nothing."""
        return self.fates[SAME_STRUCTURE] + self.fates[SAME_BEHAVIOUR]

    def dump(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "fates": dict(self.fates), "rejected": dict(self.rejected)}

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Statistics:
        """From what `dump` gave."""
        return cls(**{**data, "fates": Counter(data["fates"]), "rejected": Counter(data["rejected"])})


def summaries(records: Mapping[str, Statistics]) -> dict[str, dict[str, float]]:
    """What people and scripts see of each emitter; `share` is its share of all candidates."""
    candidates = sum(record.novel for record in records.values())
    return {
        name: {
            "share": record.novel / candidates if candidates else 0.0,
            "proposed": record.proposed,
            "novel": record.novel,
            "reused": record.reused,
            "not_finite": record.fates[NOT_FINITE],
            "no_response": record.fates[NO_RESPONSE],
            "scored": record.scored,
            "failed": record.failed,
            "entered": record.entered,
            "gain": record.gain,
            "cost": record.cost,
            "seconds": record.seconds,
        }
        for name, record in records.items()
    }
