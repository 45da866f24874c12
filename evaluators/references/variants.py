"""Formulas with what a library does differently put in: its difference is explained if nothing is left of it then."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from evaluators.references.elementwise import adam_step, bounded
from evaluators.references.matrixwise import averaged, corrected, sides
from evaluators.references.reference import Hypers, Memory, Moment

_UNDER_ROOT = 1e-15


def adabound(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """AdaBound with a small number under the root."""
    return bounded(w, g, s, at, h, ams=False, under_root=_UNDER_ROOT)


def amsbound(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """AMSBound with a small number under the root."""
    return bounded(w, g, s, at, h, ams=True, under_root=_UNDER_ROOT)


def mars(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """MARS with a small number under the root, and eps before the correction of the second moment."""
    c = corrected(g, s, h.beta1, h.gamma)
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * c
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * c * c
    root = (torch.sqrt(s["v"] + _UNDER_ROOT) + h.eps) / math.sqrt(1 - h.beta2**at.t)
    return w - at.lr * (s["m"] / (1 - h.beta1**at.t) / root + h.weight_decay * w)


def schedule_free_adamw(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Schedule-free AdamW with a small number under the root."""
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    step = g / (torch.sqrt(s["v"] / (1 - h.beta2**at.t) + _UNDER_ROOT) + h.eps) + h.weight_decay * w
    return averaged(step, w, s, at, h.beta1)


def cautious_lion(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Cautious Lion whose mask is divided by its mean."""
    m = s.get("m", torch.zeros_like(g))
    s["m"] = h.beta2 * m + (1 - h.beta2) * g
    update = torch.sign(h.beta1 * m + (1 - h.beta1) * g)
    mask = (update * g > 0).to(g.dtype)
    return w - at.lr * (update * mask / max(float(mask.mean()), 1e-5) + h.weight_decay * w)


def lars(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """LARS with the learning rate applied to the momentum, and plain momentum for vectors."""
    if g.dim() > 1:
        g = h.trust * w.norm() / (g.norm() + h.weight_decay * w.norm()) * (g + h.weight_decay * w)
    s["v"] = h.beta * s.get("v", 0.0) + g
    return w - at.lr * s["v"]


def lamb(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """LAMB with Adam's first correction on the whole step, without the second, and with eps beside the norm."""
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    r = s["m"] / (torch.sqrt(s["v"]) + h.eps) + h.weight_decay * w
    return w - at.lr / (1 - h.beta1**at.t) * min(float(w.norm()), 10.0) / (r.norm() + h.eps) * r


def adafactor(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Adafactor whose weight decay is in proportion to the size of the weights, and whose rate has no other limit."""
    beta = 1 - at.t**-h.decay
    x = g.reshape(len(g), -1) if g.dim() > 1 else g.reshape(1, -1)
    s["r"] = beta * s.get("r", 0.0) + (1 - beta) * (x * x + h.eps1).mean(1)
    s["c"] = beta * s.get("c", 0.0) + (1 - beta) * (x * x + h.eps1).mean(0)
    u = (x / torch.sqrt(torch.outer(s["r"], s["c"]) / s["r"].mean())).reshape(g.shape)
    u = u / max(1.0, math.sqrt(float((u * u).mean())) / h.clipping)
    rate = at.lr * max(h.eps2, math.sqrt(float((w * w).mean())))
    return w - rate * h.weight_decay * w - rate * u


def _newton_schulz_in_bfloat16(x: Tensor) -> Tensor:
    y = x.reshape(len(x), -1).bfloat16()
    tall = y.shape[0] > y.shape[1]
    y = y.T if tall else y
    y = y / y.norm().clamp(min=1e-7)
    for _ in range(5):
        gram = y @ y.T
        y = torch.addmm(y, torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), y, beta=3.4445)
    return (y.T if tall else y).reshape(x.shape).to(x.dtype)


def muon(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Muon with Newton-Schulz in bfloat16."""
    if g.dim() < 2:
        return w - at.lr * (adam_step(g, s, at, h) + h.weight_decay * w)
    s["M"] = h.momentum * s.get("M", 0.0) + (1 - h.momentum) * g
    direction = _newton_schulz_in_bfloat16(h.momentum * s["M"] + (1 - h.momentum) * g)
    return w - at.lr * h.weight_decay * w - at.lr * h.scale * math.sqrt(max(sides(g))) * direction


def adago(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """AdaGO divided by the sum of squared norms, not by its root, with Newton-Schulz in bfloat16."""
    if g.dim() < 2:
        return w - at.lr * adam_step(g, s, at, h)
    s["M"] = h.momentum * s.get("M", 0.0) + (1 - h.momentum) * g
    s["v"] = s.get("v", h.v0**2) + torch.clamp(g.norm() ** 2, max=h.gamma**2)
    shape = math.sqrt(max(1.0, sides(g)[0] / sides(g)[1]))
    rate = torch.clamp(at.lr * shape * torch.clamp(g.norm(), max=h.gamma) / s["v"], min=h.least)
    return w - rate * _newton_schulz_in_bfloat16(s["M"])
