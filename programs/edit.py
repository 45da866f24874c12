"""Children of a program: random edits, tried until a legal program comes out that differs from its parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from programs.check import CheckError, check
from programs.draw import Wheel
from programs.errors import suggest
from programs.fingerprint import fingerprint
from programs.ir import Program
from programs.operators import OPERATORS, EditError, Parent
from programs.rewrite import prune

MAX_INSTRUCTIONS = 60
MAX_STATES = 4
MAX_FAILURES = 300

DEFAULT_WEIGHTS: dict[str, float] = {
    "insert": 3,
    "delete": 2,
    "argument": 2,
    "constant": 3,
    "operation": 2,
    "swap": 0.5,
    "tie": 0.25,
    "untie": 0.25,
    "add_state": 0.5,
    "copy_state": 0.25,
    "drop_state": 0.5,
    "precondition": 0.1,
    "factor": 0.1,
    "splice": 1,
}
"""How often each operator is tried; `splice` only where there are donors."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A child and how it came about.

    Attributes:
        program: The child, checked.
        description: What was done, in a few words.
        rejected: How many attempts failed on the way, by operator and reason.
    """

    program: Program
    description: str
    rejected: Mapping[str, int]


def mutate(
    program: Program,
    rng: np.random.Generator,
    *,
    edits: int = 1,
    weights: Mapping[str, float] | None = None,
    donors: Sequence[Program] = (),
    differs: bool = False,
) -> Edited:
    """A child of a legal program, called `candidate`: legal, different, without dead parts, and of bounded size.

    Args:
        program: The parent.
        rng: Decides everything.
        edits: How many edits to make, one after the other; fewer where the operators find no more to do.
        weights: How often to try which of `OPERATORS`, in place of `DEFAULT_WEIGHTS`; any other is left out.
        donors: Programs to splice parts from.
        differs: Whether the child must also behave otherwise on the probes of `programs.fingerprint`, where a factor
            that a search for the learning rate would absorb is no difference.

    Raises:
        EditError: The operators can do nothing with this program.
        ValueError: `weights` names an unknown operator.
    """
    wheel = _wheel(DEFAULT_WEIGHTS if weights is None else weights, bool(donors))
    parent = child = replace(prune(program), name="candidate")
    most_instructions = max(MAX_INSTRUCTIONS, len(parent.body))
    most_states = max(MAX_STATES, len(parent.states))
    facts = check(parent)
    done: list[str] = []
    rejected: Counter[str] = Counter()
    failures = 0
    behaviour = fingerprint(parent).behaviour if differs else ""
    while len(done) < edits or child == parent:
        operator = wheel.spin(rng)
        try:
            edited, description = OPERATORS[operator](Parent(child, facts, donors), rng)
            edited = prune(edited)
            if edited == child:
                raise EditError("no change")
            if len(edited.body) > most_instructions or len(edited.states) > most_states:
                raise EditError("too large")
            found = check(edited)
            if differs and len(done) + 1 >= edits and fingerprint(edited).behaviour == behaviour:
                raise EditError("behaves as its parent")
        except (EditError, CheckError) as error:
            rejected[f"{operator}: {error.reason if isinstance(error, CheckError) else error}"] += 1
            failures += 1
            if failures == MAX_FAILURES:
                break
        else:
            child, facts, failures = edited, found, 0
            done.append(description)
    if child == parent:
        raise EditError(f"{program.name} has no legal edit of this kind: {dict(rejected)}")
    return Edited(child, "; ".join(done), dict(rejected))


def _wheel(weights: Mapping[str, float], has_donors: bool) -> Wheel:
    for name in weights:
        if name not in OPERATORS:
            raise ValueError(f"There is no operator {name!r}. {suggest(name, OPERATORS)}")
    usable = {name: weight for name, weight in weights.items() if weight > 0 and (has_donors or name != "splice")}
    if not usable:
        raise EditError("No operator has a weight, or only splice has one and there are no donors.")
    return Wheel(usable)
