"""How libraries are told what the rules of the zoo call `beta1`, and what they want besides gradients."""

from __future__ import annotations

import importlib
from typing import Any

from evaluators.references.reference import Library, Moment, Options

BF16 = "runs Newton-Schulz in bfloat16, which has 3 digits"
UNDER_ROOT = "adds 1e-15 to v under the root"


def plain(_: Any) -> dict[str, Any]:
    """Nothing but the learning rate."""
    return {}


def adam(h: Any) -> dict[str, Any]:
    """The names of torch."""
    return {"betas": (h.beta1, h.beta2), "eps": h.eps}


def adamw(h: Any) -> dict[str, Any]:
    """The same with weight decay."""
    return adam(h) | {"weight_decay": h.weight_decay}


def extended(options: Options, **more: Any) -> Options:
    """Options and fixed ones besides."""
    return lambda h: options(h) | more


def lion(h: Any) -> dict[str, Any]:
    """Lion's, by the names of torch."""
    return {"betas": (h.beta1, h.beta2), "weight_decay": h.weight_decay}


def nadam(h: Any) -> dict[str, Any]:
    """NAdam's, by the names of torch."""
    return adam(h) | {"momentum_decay": h.momentum_decay}


def nadamw(h: Any) -> dict[str, Any]:
    """NAdamW's, by the names of torch."""
    return nadam(h) | {"weight_decay": h.weight_decay, "decoupled_weight_decay": True}


def bounds(h: Any) -> dict[str, Any]:
    """AdaBound's; its final rate goes with the first learning rate."""
    return adam(h) | {"gamma": h.gamma, "final_lr": h.final_ratio * h.lr}


def without_slow_mean(h: Any) -> dict[str, Any]:
    """AdEMAMix as AdamW: its slow mean has no weight."""
    return {"betas": (h.beta1, h.beta2, 0.5), "eps": h.eps, "alpha": 0.0, "weight_decouple": True}


def muon_groups(parameters: list[Any]) -> list[dict[str, Any]]:
    """Matrices and the rest."""
    return [
        {"params": [parameter for parameter in parameters if parameter.dim() > 1], "use_muon": True},
        {"params": [parameter for parameter in parameters if parameter.dim() < 2], "use_muon": False},
    ]


def curvature_step(optimizer: Any, moment: Moment) -> None:
    """Told our estimate of the curvature, in place of one with its own random signs."""
    optimizer.step(hessian=[part.clone() for part in moment.h])


def sophia_step(optimizer: Any, moment: Moment) -> None:
    """Its rate is the paper's over its clipping value, and it is told the curvature only when that is due."""
    for group in optimizer.param_groups:
        group["lr"] = moment.lr / group["p"]
    optimizer.step(hessian=[part.clone() for part in moment.h] if moment.t % 10 == 1 else None)


def heavyball(name: str, options: Options) -> Library:
    """An optimizer of heavyball, in the precision that it offers and without its compiler."""
    precise = extended(options, storage_dtype="float64", compile_step=False)
    unclipped = extended(precise, gradient_clipping=None, update_clipping=None)
    note = "keeps some numbers in float32"
    return Library(f"heavyball.{name}", unclipped, note=note, precision=1e-4, prepare=_uncompiled)


def _uncompiled() -> None:
    importlib.import_module("heavyball").utils.compile_mode = None
