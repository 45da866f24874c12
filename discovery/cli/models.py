"""What became of calls of language models, as tables of `discover status` and of the demo."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from discovery.llm.accounting import Calibration, Line
from discovery.llm.exchange import Fate

_MOST_REASONS = 5


def calls_table(lines: Sequence[Line]) -> Table:
    """One row for each model and kind of prompt."""
    table = Table(title="Language models", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("model", "prompt"):
        table.add_column(column)
    fates = (Fate.VALID, Fate.REPAIRED, Fate.DUPLICATE, Fate.NOT_FINITE, Fate.INVALID, Fate.FAILED)
    counted = [fate.value for fate in fates]
    for heading in ("calls", "tokens", "cost", *counted, "entered", "gain", "gain per\n1000 tokens"):
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(
            line.model,
            line.kind,
            f"{line.calls:,}",
            f"{line.tokens:,}",
            f"{line.cost:.4f}" if line.cost else "-",
            *(f"{line.fates[fate]:,}" for fate in fates),
            f"{line.entered:,}",
            f"{line.gain:.2f}",
            f"{1000 * line.gain / line.tokens:.4f}" if line.tokens else "-",
        )
    return table


def reasons(lines: Sequence[Line]) -> str:
    """The most frequent reasons why answers were no rules."""
    counted = sum((line.reasons for line in lines), type(lines[0].reasons)()) if lines else None
    if not counted:
        return ""
    return "Answers that were no rule: " + "; ".join(
        f"{number} x {reason}" for reason, number in counted.most_common(_MOST_REASONS)
    )


def verdict_on_critic(found: Calibration) -> str:
    """Whether a critic is worth its calls, in a sentence."""
    earns = "beats" if found.skill > 0 else "does not beat"
    return (
        f"Critic: {found.predictions} predictions measured, {found.good} as good as their parent, "
        f"{found.predicted:.0%} predicted on average; Brier score {found.brier:.3f} against {found.reference:.3f} for "
        f"the plain share, which it {earns} (skill {found.skill:+.2f})."
    )
