"""An exchange with a model about one proposal: the question, the answer, its repair, and what a critic says of it."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from archive.calls import Call
from discovery.config import ModelConfig
from discovery.config.llm import Kind
from discovery.llm.client import Answer, CallError
from discovery.llm.prompts import Message, fill, message
from discovery.llm.reading import MAX_ANSWER, Form, Reading, read
from discovery.llm.spending import Amount, most, total
from programs.ir import Program
from programs.show import show


class Fate(StrEnum):
    """What became of an answer."""

    VALID = "valid"
    """It became a candidate."""
    REPAIRED = "repaired"
    """So did this one, which a model gave when told what was wrong with the first."""
    DUPLICATE = "duplicate"
    """A rule, but one that the run knew already."""
    NOT_FINITE = "not finite"
    """A rule that gives no finite step on the probes, or one that ignores the gradient."""
    INVALID = "invalid"
    """Not a rule."""
    FAILED = "failed"
    """There was no answer."""
    VETOED = "vetoed"
    """A rule that the critic had dropped."""
    JUDGED = "judged"
    """The critic's own answer."""
    UNUSED = "unused"
    """It came when no rule was wanted any more, or was not waited for."""


PROPOSE, REPAIR, CRITICISE = "propose", "repair", "criticise"


@dataclass(frozen=True, slots=True)
class Criticism:
    """What the critic is asked and what follows from it.

    Attributes:
        model: Whom to ask.
        prompt: The question about a proposed rule.
        extra: Fields of the request that make the answer a number.
        threshold: Below this probability the proposal is dropped; 0 to drop none.
    """

    model: str
    prompt: Callable[[Program], Sequence[Message]]
    extra: Mapping[str, Any]
    threshold: float


@dataclass(frozen=True, slots=True)
class Request:
    """A proposal that is asked for.

    Attributes:
        number: Of the exchange.
        model: Whom to ask.
        kind: Which prompt.
        form: What the answer is to be.
        messages: The question.
        extra: Fields of the request that say what an answer may be.
        as_json: Whether the answer is to be JSON.
        base: The rule that edits are of, and whose head an answer may take over.
        parents: Candidates that the proposal descends from.
        note: What was asked for, for people.
        seed: For the server's sampling.
        repair: Whether an answer that is no rule may go back.
        critic: Who is asked about the proposal; None for nobody.
    """

    number: int
    model: str
    kind: Kind
    form: Form
    messages: Sequence[Message]
    extra: Mapping[str, Any]
    as_json: bool
    base: Program
    parents: tuple[int, ...]
    note: str
    seed: int
    repair: bool = True
    critic: Criticism | None = None

    def without_repair(self) -> Request:
        """The same, settled with the first answer."""
        return replace(self, repair=False)

    def worst(self, models: Mapping[str, ModelConfig]) -> Amount:
        """The most that it may cost."""
        asked = sum(len(each["content"]) for each in self.messages)
        cost = most(asked, 2 if self.repair else 1, models[self.model])
        return cost if self.critic is None else cost + most(asked, 1, models[self.critic.model])

    def stored(self) -> dict[str, Any]:
        """What it takes to read the answers again; plain data."""
        return {
            "form": self.form,
            "as_json": self.as_json,
            "base": show(self.base),
            "parents": list(self.parents),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Said:
    """One call of an exchange; the fields are those of `archive.calls.Call`."""

    purpose: str
    model: str
    prompt: Sequence[Message]
    answer: str
    fate: Fate
    reason: str
    spent: Amount = field(default_factory=lambda: Amount(calls=1))
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """How an exchange ended.

    Attributes:
        request: What was asked for.
        said: The calls, in order.
        program: The rule that came of it; None if none did.
    """

    request: Request
    said: tuple[Said, ...]
    program: Program | None

    @property
    def spent(self) -> Amount:
        """What it cost."""
        return total(each.spent for each in self.said)

    def settled(self, fate: Fate | None, tick: int, candidate: int | None) -> list[Call]:
        """The calls as the archive keeps them.

        Args:
            fate: What became of the rule; None if there is none.
            tick: When it was settled.
            candidate: The candidate that it became, if it did.
        """
        said = list(self.said)
        proposed = [at for at, each in enumerate(said) if each.purpose != CRITICISE]
        if fate is not None:
            last = proposed[-1]
            mended = fate is Fate.VALID and said[last].purpose == REPAIR
            said[last] = replace(said[last], fate=Fate.REPAIRED if mended else fate)
        return [
            Call(
                exchange=self.request.number,
                tick=tick,
                purpose=each.purpose,
                model=each.model,
                kind=self.request.kind,
                prompt=each.prompt,
                answer=each.answer,
                request=self.request.stored(),
                outcome=each.fate,
                reason=each.reason,
                prompt_tokens=each.prompt_tokens,
                answer_tokens=each.answer_tokens,
                cost=each.spent.money,
                seconds=each.seconds,
                candidate=candidate,
            )
            for each in said
        ]


Ask = Callable[[str, Sequence[Message], int, Mapping[str, Any]], Awaitable[Answer]]
"""Puts a question to a model: its name, the messages, a seed, further fields. Raises `CallError`."""
Charge = Callable[[str, Answer], float]
"""What an answer of a model costs."""


async def converse(request: Request, ask: Ask, charge: Charge) -> Exchange:
    """Carry an exchange to its end; whatever a server does is an outcome, never an exception."""
    first, reading = await _propose(request, PROPOSE, request.messages, ask, charge)
    said = [first]
    if first.fate is Fate.INVALID and request.repair:
        mending = [
            *request.messages,
            message("assistant", first.answer[: MAX_ANSWER // 8]),
            message("user", fill("repair", {"message": reading.message})),
        ]
        second, reading = await _propose(request, REPAIR, mending, ask, charge)
        said.append(second)
    program = reading.program
    if program is not None and request.critic is not None:
        judged, doubt = await _criticise(request, request.critic, program, ask, charge)
        said.append(judged)
        if doubt:
            said[-2] = replace(said[-2], fate=Fate.VETOED)
            program = None
    return Exchange(request, tuple(said), program)


async def _propose(
    request: Request, purpose: str, prompt: Sequence[Message], ask: Ask, charge: Charge
) -> tuple[Said, Reading]:
    """One call for a proposal, and what it can be read as."""
    began = time.monotonic()
    try:
        answer = await ask(request.model, prompt, request.seed + (purpose == REPAIR), request.extra)
    except CallError as error:
        said = Said(purpose, request.model, prompt, "", Fate.FAILED, str(error), seconds=time.monotonic() - began)
        return said, Reading(None)
    reading = read(answer.text, request.form, request.base, as_json=request.as_json)
    reason = f"{reading.reason}, cut off" if answer.cut and reading.reason else reading.reason
    fate = Fate.VALID if reading.program is not None else Fate.INVALID
    return _said(purpose, request.model, prompt, answer, charge, began, fate, reason), reading


async def _criticise(
    request: Request, critic: Criticism, program: Program, ask: Ask, charge: Charge
) -> tuple[Said, bool]:
    """What the critic says, and whether the proposal is to be dropped for it."""
    began, prompt = time.monotonic(), critic.prompt(program)
    try:
        answer = await ask(critic.model, prompt, request.seed, critic.extra)
    except CallError as error:
        said = Said(CRITICISE, critic.model, prompt, "", Fate.FAILED, str(error), seconds=time.monotonic() - began)
        return said, False
    probability = predicted(answer.text)
    reason = "" if probability is not None else "no number"
    said = _said(CRITICISE, critic.model, prompt, answer, charge, began, Fate.JUDGED, reason)
    return said, probability is not None and probability < critic.threshold


def predicted(answer: str) -> float | None:
    """The probability that a critic names; None if it names none."""
    found = re.search(r"\d{1,3}", answer[:MAX_ANSWER])
    return int(found[0]) / 100 if found and int(found[0]) <= 100 else None


def _said(
    purpose: str,
    model: str,
    prompt: Sequence[Message],
    answer: Answer,
    charge: Charge,
    began: float,
    fate: Fate,
    reason: str,
) -> Said:
    spent = Amount(1, answer.prompt_tokens + answer.answer_tokens, charge(model, answer))
    return Said(
        purpose=purpose,
        model=model,
        prompt=prompt,
        answer=answer.text[:MAX_ANSWER],
        fate=fate,
        reason=reason,
        spent=spent,
        prompt_tokens=answer.prompt_tokens,
        answer_tokens=answer.answer_tokens,
        seconds=time.monotonic() - began,
    )
