"""What is asked of a model: whose rule, which line, which cell, which idea; drawn at random, and put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.random import Generator

from discovery.config import LlmConfig, ModelConfig
from discovery.config.llm import Kind
from discovery.emitters.base import Parents
from discovery.llm import feedback, grammar, schema
from discovery.llm.exchange import Criticism, Request
from discovery.llm.knowledge import Knowledge
from discovery.llm.listing import Place, listing, places
from discovery.llm.prompts import Message, choices, fill, message, operations
from programs.draw import pick
from programs.ir import Program
from programs.show import show

_SEEDS = 2**31 - 2


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one question is about.

    Attributes:
        kind: Which prompt.
        base: The candidate that is to be changed.
        parents: All candidates that the proposal will descend from.
        words: What goes into the blanks of the prompt.
        note: What is asked for, for people.
    """

    kind: Kind
    base: int
    parents: tuple[int, ...]
    words: Mapping[str, str]
    note: str


class Briefing:
    """Writes requests; all randomness is passed in.

    Args:
        config: What prompts carry.
        knowledge: What is known of the run.
    """

    def __init__(self, config: LlmConfig, knowledge: Knowledge) -> None:
        self._config = config
        self._models = {model.label: model for model in config.models}
        self._knowledge = knowledge

    def request(
        self, number: int, label: str, kind: Kind, parents: Parents, rng: Generator, *, repair: bool
    ) -> Request:
        """A question of one kind for one model."""
        model = self._models[label]
        subject = self._subject(kind, parents, rng)
        base = parents.program(subject.base)
        place = pick(rng, found) if model.form == "line" and (found := places(base)) else None
        insights = self._insights(parents)
        prompt = fill(
            subject.kind,
            {
                **self._about(subject.base, base, numbered=model.form != "rule"),
                "inspirations": self._inspirations(parents, rng, subject.parents),
                "insights": insights,
                **subject.words,
                "answer": _answer(model, place),
            },
        )
        return Request(
            number=number,
            model=label,
            kind=subject.kind,
            form="edit" if model.form == "line" and place is None else model.form,
            messages=[message("system", fill("system", {"operations": operations(model.operations)})), _user(prompt)],
            extra=_constraint(model, base, place),
            as_json=model.grammar == "json_schema",
            base=base,
            parents=subject.parents,
            note=f"{subject.kind} by {label}: {subject.note}",
            seed=int(rng.integers(1, _SEEDS)),
            repair=repair,
            critic=self._critic(label, subject.base, base, insights, rng),
        )

    def _subject(self, kind: Kind, parents: Parents, rng: Generator) -> _Subject:
        """Draw what a question is about; a kind that has nothing to be about becomes a plain rewrite."""
        match kind:
            case "fix" if (failed := self._knowledge.failure(rng)) is not None:
                return _Subject(kind, failed, (failed,), {}, f"#{failed}")
            case "aim" if (target := self._knowledge.target(rng)) is not None:
                held = "a weak cell" if target.held else "an empty cell"
                note = f"from #{target.near.id} to {held}, {target.description}"
                return _Subject(kind, target.near.id, (target.near.id,), {"target": target.description}, note)
        parent = parents.parent(rng)
        match kind:
            case "combine":
                donor = parents.donor(rng, parent)
                shown = show(parents.program(donor)).strip()
                second = "\n".join(filter(None, [shown, self._scores(donor)]))
                return _Subject(kind, parent, (parent, donor), {"second": second}, f"#{parent} with #{donor}")
            case "simplify":
                return _Subject(kind, parent, (parent,), {}, f"#{parent}")
            case "invent":
                idea = pick(rng, self._config.ideas or choices("ideas"))
                words = {"idea": idea, "base": self._invention_base(parent, parents)}
                return _Subject(kind, parent, (parent,), words, idea)
        change = pick(rng, choices("changes"))
        return _Subject("rewrite", parent, (parent,), {"change": change}, change)

    def _invention_base(self, parent: int, parents: Parents) -> str:
        """What an invention sets out from, where its answer is an edit or its head is given."""
        return (
            f"Set out from this rule, of which little needs to stay:\n\n{listing(parents.program(parent)).numbered()}"
        )

    def _about(self, number: int, program: Program, *, numbered: bool) -> dict[str, str]:
        return {
            "parent": listing(program).numbered() if numbered else show(program).strip(),
            "scores": self._scores(number),
            "feedback": self._feedback(number, program),
        }

    def _scores(self, number: int) -> str:
        if not self._config.scores:
            return ""
        return feedback.scores(self._knowledge.evaluations(number), self._knowledge.reference)

    def _feedback(self, number: int, program: Program) -> str:
        if not self._config.feedback:
            return ""
        return feedback.directions(program, self._knowledge.evaluations(number), self._knowledge.reference)

    def _inspirations(self, parents: Parents, rng: Generator, without: tuple[int, ...]) -> str:
        elites = self._knowledge.others(rng, self._config.inspirations, without)
        shown = [f"{show(parents.program(elite.id)).strip()}\n{self._scores(elite.id)}".strip() for elite in elites]
        return "\n\n".join(["Good rules of other kinds, to learn from and not to copy:", *shown]) if shown else ""

    def _insights(self, parents: Parents) -> str:
        if not self._config.insights:
            return ""
        self._knowledge.learn(parents.program)
        notes = [note.sentence() for note in self._knowledge.notebook.insights()[: self._config.insights]]
        return "\n".join(["What has been tried in this search:", *(f"- {note}" for note in notes)]) if notes else ""

    def _critic(self, label: str, number: int, base: Program, insights: str, rng: Generator) -> Criticism | None:
        critic = self._config.critic
        if critic.mode == "off":
            return None
        spared = critic.mode == "watch" or rng.random() < critic.spared
        model = critic.model or label
        shown = f"It was made from this rule:\n\n{show(base).strip()}\n{self._scores(number)}".strip()
        return Criticism(
            model=model,
            prompt=partial(_criticism, self._models[model], shown, insights),
            extra=_number(self._models[model]),
            threshold=0.0 if spared else critic.threshold,
        )


def _criticism(model: ModelConfig, base: str, insights: str, proposed: Program) -> Sequence[Message]:
    words = {
        "base": base,
        "insights": insights,
        "proposed": show(proposed).strip(),
        "compared": "the rule it came from",
    }
    system = fill("system", {"operations": operations(model.operations)})
    return [message("system", system), _user(fill("critic", words))]


def _user(prompt: str) -> Message:
    return message("user", prompt)


def _answer(model: ModelConfig, place: Place | None) -> str:
    """What the answer is to look like; never by an example, which small models give back as it is."""
    if place is not None:
        return fill("answer_line", {"line": str(place.line), "name": place.name})
    return fill("answer_rule" if model.form == "rule" else "answer_edit", {})


def _constraint(model: ModelConfig, base: Program, place: Place | None) -> Mapping[str, Any]:
    """The fields of a request that hold a model to what a rule can be."""
    if model.grammar == "none":
        return {}
    module = grammar if model.grammar == "gbnf" else schema
    if place is not None:
        allowed = module.line(place)
    else:
        allowed = module.rule(base) if model.form == "rule" else module.edits(base)
    return _field(model, allowed)


def _number(model: ModelConfig) -> Mapping[str, Any]:
    """The same for an answer that is a number of percent."""
    if model.grammar == "none":
        return {}
    return _field(model, (grammar if model.grammar == "gbnf" else schema).whole_number(0, 100))


def _field(model: ModelConfig, allowed: object) -> Mapping[str, Any]:
    if model.grammar == "gbnf":
        return {"grammar": allowed}
    answer = {"name": "answer", "strict": True, "schema": allowed}
    return {"response_format": {"type": "json_schema", "json_schema": answer}}
