"""The tables of a race as rows of text, for a terminal and for a page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from discovery.race.standings import Middle, Standing, confidence

Rows = Sequence[tuple[str, ...]]
"""The head first, in lines where it is long."""


def result_rows(standings: Sequence[Standing], seeds: int) -> Rows:
    """One row for each entrant, the best first."""
    interval = f"\n[{confidence(seeds):.0%} interval]" if seeds > 1 else ""
    head = ("search", "strategy", f"fresh-seed score{interval}", "search\nscore", "coverage", f"QD score{interval}")
    ranked = sorted(standings, key=lambda standing: (-_number(standing.final.median), standing.name))
    return [head] + [
        (
            standing.name,
            standing.strategy,
            _interval(standing.final, "{:.3f}", seeds),
            f"{standing.best.median:.3f}",
            f"{standing.coverage.median:.1%}",
            _interval(standing.qd, "{:.1f}", seeds),
        )
        for standing in ranked
    ]


def emitter_rows(standings: Sequence[Standing]) -> Rows:
    """One row for each emitter of each entrant."""
    head = (
        "search",
        "emitter",
        "evaluated",
        "scored",
        "new\ncells",
        "improved\ncells",
        "QD per 100\nevaluated",
        "best\nraised by",
    )
    return [head] + [
        (
            standing.name,
            name,
            f"{emitter.evaluated:.0f}",
            f"{emitter.scored / emitter.evaluated:.0%}",
            f"{emitter.cells:g}",
            f"{emitter.improved:g}",
            f"{100 * emitter.qd / emitter.evaluated:.2f}",
            f"{emitter.best:.3f}",
        )
        for standing in standings
        for name, emitter in standing.emitters.items()
        if emitter.evaluated
    ]


def markdown(rows: Rows) -> str:
    """Rows as a table of Markdown."""
    rows = [tuple(name.replace("\n", " ") for name in rows[0]), *rows[1:]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = tuple("-" * width for width in widths)
    return "".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |\n"
        for row in (rows[0], rule, *rows[1:])
    )


def _interval(middle: Middle, form: str, seeds: int) -> str:
    if math.isnan(middle.median):
        return "-"
    if seeds == 1:
        return form.format(middle.median)
    return f"{form} [{form}, {form}]".format(middle.median, middle.low, middle.high)


def _number(value: float) -> float:
    return -math.inf if math.isnan(value) else value
