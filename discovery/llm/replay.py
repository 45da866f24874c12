"""Exchanges out of an archive: a run made again without a server, every proposal where it was handed out before.

An emitter counts how often it was asked for a proposal. A replay hands out each stored answer at the count at which it
was handed out then, read again by the same parser. With one job at a time and a budget of evaluations the two archives
are the same; with several workers the proposals are the same, and their verdicts may come in another order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from archive.calls import Call
from discovery.llm.exchange import CRITICISE, Exchange, Fate, Request, Said
from discovery.llm.reading import read
from discovery.llm.spending import Amount
from programs.parse import parse

_HANDED_OUT = (Fate.VALID, Fate.REPAIRED, Fate.DUPLICATE, Fate.NOT_FINITE)
"""What became of rules that an emitter handed out."""


class Replay:
    """The settled exchanges of a run, by the count at which each was settled.

    Args:
        calls: Of the run's main driver, in the order settled.
    """

    def __init__(self, calls: Iterable[Call]) -> None:
        by_exchange: dict[tuple[int, int], list[Call]] = defaultdict(list)
        for call in calls:
            by_exchange[call.tick, call.exchange].append(call)
        self._at: dict[int, list[list[Call]]] = defaultdict(list)
        for (tick, _), told in by_exchange.items():
            if all(call.outcome != Fate.UNUSED for call in told):
                self._at[tick].append(told)
        self._last = max(self._at, default=0)

    def at(self, tick: int) -> list[Exchange]:
        """What was settled at this count, in order."""
        return [_exchange(told) for told in self._at.get(tick, ())]

    def over(self, tick: int) -> bool:
        """Whether nothing comes after this count."""
        return tick >= self._last


def _exchange(told: list[Call]) -> Exchange:
    first = told[0]
    stored = first.request
    base = parse(stored["base"])
    request = Request(
        number=first.exchange,
        model=first.model,
        kind=first.kind,  # type: ignore[arg-type]  # as it was written
        form=stored["form"],
        messages=first.prompt,
        extra={},
        as_json=stored["as_json"],
        base=base,
        parents=tuple(stored["parents"]),
        note=stored["note"],
        seed=0,
    )
    last = [call for call in told if call.purpose != CRITICISE][-1]
    handed_out = last.outcome in _HANDED_OUT
    program = read(last.answer, request.form, base, as_json=request.as_json).program if handed_out else None
    return Exchange(request, tuple(map(_said, told)), program)


def _said(call: Call) -> Said:
    return Said(
        purpose=call.purpose,
        model=call.model,
        prompt=call.prompt,
        answer=call.answer,
        fate=Fate.VALID if call.outcome in _HANDED_OUT else Fate(call.outcome),
        reason=call.reason,
        spent=Amount(1, call.prompt_tokens + call.answer_tokens, call.cost),
        prompt_tokens=call.prompt_tokens,
        answer_tokens=call.answer_tokens,
        seconds=call.seconds,
    )
