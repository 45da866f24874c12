"""What language models were asked and answered: the record of a call, and its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection, insert, select

from archive.schema import calls

_INSERT = insert(calls)


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a language model, and what came back. Written once, when it is clear what became of it.

    Attributes:
        exchange: A number per proposal asked for, counted by the driver; its repair and its critic have the same.
        tick: How many proposals the driver had asked its emitter for when the exchange was settled: an archive that is
            replayed settles it there.
        purpose: Why it was made: to propose, to repair an answer, to criticise it.
        model: Which model, by its name in the configuration.
        kind: Which prompt.
        prompt: The messages, each with `role` and `content`.
        answer: The text that came back, as it came, cut where it is longer than any rule could be; empty if none did.
        request: What else it takes to read the answer: the form asked for, the parents and their text.
        outcome: What became of it, in a word.
        reason: Why, for people and to count by; empty where there is nothing to explain.
        prompt_tokens: As the server counts.
        answer_tokens: Likewise.
        cost: In the currency of the configuration's prices.
        seconds: From the question to the end of the answer, waiting and trying again included.
        candidate: The candidate that it became; None if it became none.
    """

    exchange: int
    tick: int
    purpose: str
    model: str
    kind: str
    prompt: Sequence[Mapping[str, str]]
    answer: str
    request: Mapping[str, Any]
    outcome: str
    reason: str
    prompt_tokens: int
    answer_tokens: int
    cost: float
    seconds: float
    candidate: int | None = None


def write_calls(connection: Connection, run: int, driver: str, records: Iterable[Call]) -> None:
    """Insert calls of a driver in this order; the candidates that they became are stored already."""
    rows = [{"run": run, "driver": driver, **asdict(record)} for record in records]
    if rows:
        connection.execute(_INSERT, rows)


def read_calls(connection: Connection, run: int, driver: str | None = None, candidate: int | None = None) -> list[Call]:
    """Calls in the order settled: all, or those of one driver, or those that became one candidate."""
    columns = [calls.c[field.name] for field in fields(Call)]
    chosen = select(*columns).where(calls.c.run == run).order_by(calls.c.id)
    if driver is not None:
        chosen = chosen.where(calls.c.driver == driver)
    if candidate is not None:
        chosen = chosen.where(calls.c.candidate == candidate)
    return [Call(*row) for row in connection.execute(chosen)]
