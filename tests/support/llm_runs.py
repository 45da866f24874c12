"""Runs that ask a server of our own and train nothing, and servers that answer as models do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from discovery.loop import drive, prepare
from discovery.runs import Run
from free_executor import FreeExecutor, Silent

ALONE = {name: {"weight": 0} for name in ("symbolic", "crossover", "constants", "random")}
"""No other emitter."""


def emitters(url: str, *, alone: bool = True, model: dict[str, Any] | None = None, **llm: Any) -> dict[str, Any]:
    """The section `emitters` with one model at an address."""
    models = [{"model": "tiny", "base_url": url, "retries": 0} | (model or {})]
    return (ALONE if alone else {}) | {"llm": {"weight": 1.0, "models": models, "patient": True} | llm}


def driven(make_run: Callable[..., Run], evaluations: int, **changes: Any) -> tuple[Run, Silent]:
    """A run, driven to its end."""
    run = make_run(budget={"evaluations": evaluations}, **({"evaluation": {"batch": 1}} | changes))
    watcher = Silent()
    drive(prepare(run), FreeExecutor(), watcher)
    return run, watcher


class Rules:
    """Answers with a rule that was not there before, and now and then with one that is known or is none."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def __call__(self, request: dict[str, Any]) -> str:
        number = next(self._numbers)
        mending = len(request["messages"]) > 2
        if number % 5 == 0 and not mending:
            return "I am sorry, but as a language model I cannot do that."
        if number % 7 == 0:
            return "```python\ndef sgd(w, g, lr):\n    return g * lr\n```"
        body = f"    m = interp(g, m, 0.{number:03d}1)\n    return sign(m) * lr, m"
        return f"Certainly!\n\n```python\ndef mine(w, g, m, lr):\n{body}\n```\nIt is good."


def one_line(request: dict[str, Any]) -> str:
    """The line that a prompt asks for, with another expression."""
    asked = request["messages"][1]["content"]
    match = re.search(r"It begins with: (line \d+: \w+ =)", asked)
    assert match is not None, asked
    return f"{match[1]} tanh(g * 0.{len(asked)}{request['seed']})"


def stored(run: Run) -> list[tuple[Any, ...]]:
    """What became of every call, but for what nobody waited for."""
    calls = run.store.calls()
    unused = {(call.exchange, call.tick) for call in calls if call.outcome == "unused"}
    return [
        (call.exchange, call.tick, call.purpose, call.answer, call.outcome, call.candidate)
        for call in calls
        if (call.exchange, call.tick) not in unused
    ]
