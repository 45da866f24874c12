"""How fast the language is, and what it saves to know that two rules are the same: the experiment of Lion's paper.

Chen et al. 2023 (arXiv 2302.06675, section on pruning) let a search of 300,000 mutations run and counted the proposals
whose result was already known (0.891) and the statements that did nothing (0.698). Here the same runs without training
anything: a population of AdamW in drift. Every step a parent is drawn from the population, all members equally likely;
one edit is made, an insertion, deletion or change of an argument, equally likely; what is no legal program is drawn
again; the child joins the population and the oldest member leaves it. Dead code is kept, and pays.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np

from programs import zoo
from programs.canon import forget, structure
from programs.check import CheckError, check
from programs.edit import MAX_INSTRUCTIONS, mutate
from programs.fingerprint import fingerprint
from programs.ir import UPDATE_RULE, Program
from programs.operators import OPERATORS, EditError, Parent
from programs.parse import parse
from programs.show import show

POPULATION = 1000
"""As in the paper."""
_READ = 2000  # rules to read and write
_EDITS = ("insert", "delete", "argument")


@dataclass(frozen=True, slots=True)
class Stream:
    """What became of many proposals.

    Attributes:
        proposals: How many there were.
        proposals_per_s: Through edit, check, canonical form and fingerprint, from an empty memory.
        proposals_per_s_warm: The same once more, with everything remembered.
        cache_hit_rate: Share whose canonical form was known.
        only_behaviour: Share with a new canonical form that behave like one before.
        microseconds: Of each stage per proposal, from an empty memory.
        redundant_statements: Share of instructions that nothing depends on, over all proposals.
        instructions: Mean over all proposals, dead ones included.
    """

    proposals: int
    proposals_per_s: float
    proposals_per_s_warm: float
    cache_hit_rate: float
    only_behaviour: float
    microseconds: dict[str, float]
    redundant_statements: float
    instructions: float


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """What was measured.

    Attributes:
        drift: The experiment of the paper, dead code kept.
        search: The edits of a search, weighted as there, dead code left out; a tenth of the proposals.
        parses_per_s: Rules read and checked.
        prints_per_s: Rules written.
        seed: Other proposals.
        population: Size of the population in drift.
    """

    drift: Stream
    search: Stream
    parses_per_s: float
    prints_per_s: float
    seed: int
    population: int = POPULATION


def bench(steps: int, seed: int, progress: Callable[[str], None]) -> LanguageReport:
    """Measure in this process, on one thread."""
    progress("drift, as in the paper")
    drift = _stream(_drift_of_the_paper, steps, seed)
    progress("edits of a search")
    search = _stream(_drift_of_a_search, steps // 10, seed)
    progress("reading and writing")
    rules = list(islice(_drift_of_a_search(np.random.default_rng(seed)), min(steps, _READ)))
    texts, print_seconds = _timed(lambda: [show(program) for program in rules])
    _, parse_seconds = _timed(lambda: [parse(text) for text in texts])
    return LanguageReport(drift, search, len(rules) / parse_seconds, len(rules) / print_seconds, seed)


def _drift_of_the_paper(rng: np.random.Generator) -> Iterator[Program]:
    """Every edit is kept, dead code and all."""
    start = replace(zoo.load("adamw"), name="candidate", inputs=tuple(UPDATE_RULE.inputs))
    population = deque([Parent(start, check(start))] * POPULATION)
    while True:
        parent = population[int(rng.random() * POPULATION)]
        edit = _EDITS[int(rng.random() * len(_EDITS))]
        if edit == "insert" and len(parent.program.body) == MAX_INSTRUCTIONS:
            continue
        try:
            child, _ = OPERATORS[edit](parent, rng)
            facts = check(child)
        except (EditError, CheckError):
            continue
        population.append(Parent(child, facts))
        population.popleft()
        yield child


def _drift_of_a_search(rng: np.random.Generator) -> Iterator[Program]:
    population = deque([zoo.load("adamw")] * POPULATION)
    while True:
        child = mutate(population[int(rng.random() * POPULATION)], rng).program
        population.append(child)
        population.popleft()
        yield child


def _stream(proposals: Callable[[np.random.Generator], Iterator[Program]], steps: int, seed: int) -> Stream:
    forget()
    behaviours: dict[str, str] = {}  # by canonical form
    known: set[str] = set()
    edits = forms = prints = 0.0
    hits = twins = live = total = 0
    begin = time.process_time()
    for child in islice(proposals(np.random.default_rng(seed)), steps):
        edited = time.process_time()
        form = structure(child)
        formed = time.process_time()
        if form in behaviours:
            hits += 1
        else:
            behaviour = behaviours[form] = fingerprint(child).behaviour
            twins += behaviour in known
            known.add(behaviour)
        end = time.process_time()
        edits, forms, prints = edits + edited - begin, forms + formed - edited, prints + end - formed
        live += len(check(child).live)
        total += len(child.body)
        begin = time.process_time()
    again = islice(proposals(np.random.default_rng(seed)), steps)
    _, warm = _timed(lambda: [behaviours[structure(child)] for child in again])
    seconds = {"edit and check": edits, "canonical form": forms, "fingerprint": prints}
    return Stream(
        proposals=steps,
        proposals_per_s=steps / sum(seconds.values()),
        proposals_per_s_warm=steps / warm,
        cache_hit_rate=hits / steps,
        only_behaviour=twins / steps,
        microseconds={stage: spent / steps * 1e6 for stage, spent in seconds.items()},
        redundant_statements=1 - live / total,
        instructions=total / steps,
    )


T = TypeVar("T")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.process_time()
    return work(), time.process_time() - started
