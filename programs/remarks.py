"""What the writer of a legal rule would want to be told: which names do nothing, and whether anything is trained."""

from __future__ import annotations

from programs.check import check
from programs.fingerprint import fingerprint
from programs.ir import Program, Ref


def remarks(program: Program) -> list[str]:
    """Sentences about a rule as it is written; none of one that has nothing odd about it."""
    live = check(program).live_names
    kept = dict(zip(program.states, program.next_states, strict=True))
    still = [state for state, value in kept.items() if state in live and value == Ref(state)]
    inputs = ", ".join(program.signature.inputs)
    found = [f"{state!r} is a state that never changes: it is always 0. Inputs are called {inputs}." for state in still]
    names = (*program.inputs, *program.states, *(hyper.name for hyper in program.hypers))
    found += [f"{name!r} makes no difference to the update." for name in names if name not in live]
    seen = fingerprint(program)
    if not seen.finite:
        found.append("On some probes with gradients of ordinary size its update is not finite.")
    elif not seen.responds:
        found.append("On the probes gradients make no difference to its update.")
    return found
