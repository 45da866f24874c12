"""What was found out about a candidate, as one JSON document: everything that a page shows, and what it rests on."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from typing import Any

from archive.views import lineage, summary
from discovery.funnel.findings import Funnel, Promotion
from discovery.funnel.nearest import described, relatives
from discovery.funnel.space import RATES
from discovery.funnel.statistics import LEVEL, Comparison, Word
from discovery.json_values import plain
from discovery.scoring import REFERENCE
from evaluators import tasks
from programs.ir import Program
from programs.show import show

_VERSIONS_OF = ("savanna-discovery", "torch", "numpy", "optuna", "scipy")


def certificate(funnel: Funnel, promotion: Promotion) -> dict[str, Any]:
    """The document of one candidate."""
    run, settings = funnel.run, funnel.settings
    program = final(promotion)
    counts = summary(run.store).counts
    trained = [*settings.validation, *settings.tuned, *settings.tests]
    document: dict[str, Any] = {
        "rule": {"name": program.name, "source": show(program), "found_as": show(promotion.program)},
        "run": {
            "name": run.name,
            "candidate": promotion.candidate,
            "created_at": run.store.info.created_at.isoformat(),
            "candidates": counts.candidates,
            "evaluations": counts.evaluations,
            "tasks": run.config.evaluation.tasks,
        },
        "lineage": [
            {"candidate": one.id, "emitter": one.emitter, "note": one.note}
            for one in lineage(run.store, promotion.candidate)
        ],
        "rejected": promotion.rejected or None,
        "tried": funnel.tried,
        "level": LEVEL,
        "settings": asdict(settings) | {"learning_rates": RATES},
        "measures": described(program),
        "relatives": relatives(program),
        "fresh": promotion.fresh,
        "selection_bias": funnel.bias,
        "validation": promotion.validated,
        "transfer": funnel.transfer,
        "tuning": _tuning(funnel, promotion),
        "simplification": promotion.simplified.document() if promotion.simplified else None,
        "speedup": promotion.speedups,
        "maps": {"rule": promotion.maps, REFERENCE: funnel.baseline_maps} if promotion.maps else None,
        "test": promotion.tested,
        "exported": promotion.verified,
        "statements": statements(promotion),
        "sandbox": funnel.sandbox,
        "device": run.config.evaluation.device,
        "versions": {
            "search": dict(run.store.info.versions),
            "promotion": {"python": platform.python_version(), **{n: metadata.version(n) for n in _VERSIONS_OF}},
            "tasks": {name: tasks.get(name).version for name in sorted({*run.config.evaluation.tasks, *trained})},
        },
    }
    found: dict[str, Any] = plain(document)
    return found


def final(promotion: Promotion) -> Program:
    """What became of the rule: simplified, else tuned, else as it was found."""
    if promotion.simplified is not None:
        return promotion.simplified.program
    return promotion.tuned.central if promotion.tuned is not None else promotion.program


def statements(promotion: Promotion) -> dict[str, dict[str, list[str]]]:
    """What may be said: whom it beats, who beats it, and who cannot be told from it, tuned alike and on test tasks."""
    said: dict[str, dict[str, list[str]]] = {}
    if promotion.standing is not None:
        said["tuned"] = _sorted_by_word(promotion.standing.overall)
    if promotion.tested is not None:
        said["test"] = _sorted_by_word(promotion.tested.overall)
    return said


def _sorted_by_word(found: Mapping[str, Comparison]) -> dict[str, list[str]]:
    return {word.value: [name for name, each in found.items() if each.word is word] for word in Word}


def _tuning(funnel: Funnel, promotion: Promotion) -> dict[str, Any] | None:
    if promotion.tuned is None or promotion.standing is None:
        return None
    everybody = [promotion.tuned, *funnel.baselines]
    return {
        "standing": promotion.standing,
        "rules": {
            rule.name: {"source": show(rule.program), "taken_elsewhere": show(rule.central), "choices": rule.choices}
            for rule in everybody
        },
    }
