"""Formulas of rules that treat every weight alone, as in their papers: no eps moved, no term rearranged."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from evaluators.references.reference import Hypers, Memory, Moment


def sgd(w: Tensor, g: Tensor, _: Memory, at: Moment, __: Hypers) -> Tensor:
    """Robbins and Monro 1951."""
    return w - at.lr * g


def momentum(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Polyak 1964."""
    s["m"] = h.beta * s.get("m", 0.0) + g
    return w - at.lr * s["m"]


def nesterov(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Sutskever et al. 2013, with the gradient taken at the weights that are kept."""
    s["m"] = h.beta * s.get("m", 0.0) + g
    return w - at.lr * (g + h.beta * s["m"])


def adagrad(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Duchi et al. 2011."""
    s["sum"] = s.get("sum", 0.0) + g * g
    return w - at.lr * g / (s["sum"] ** 0.5 + h.eps)


def adadelta(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Zeiler 2012, algorithm 1, times a learning rate."""
    s["g2"] = h.rho * s.get("g2", 0.0) + (1 - h.rho) * g * g
    change = -torch.sqrt((s.get("x2", torch.zeros_like(g)) + h.eps) / (s["g2"] + h.eps)) * g
    s["x2"] = h.rho * s.get("x2", 0.0) + (1 - h.rho) * change * change
    return w + at.lr * change


def rmsprop(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Tieleman and Hinton 2012."""
    s["v"] = h.beta * s.get("v", 0.0) + (1 - h.beta) * g * g
    return w - at.lr * g / (torch.sqrt(s["v"]) + h.eps)


def adam_step(g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Kingma and Ba 2015, algorithm 1, before the learning rate."""
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    m, v = s["m"] / (1 - h.beta1**at.t), s["v"] / (1 - h.beta2**at.t)
    return m / (torch.sqrt(v) + h.eps)


def adam(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Kingma and Ba 2015, algorithm 1."""
    return w - at.lr * adam_step(g, s, at, h)


def adamw(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Loshchilov and Hutter 2019, algorithm 2."""
    return w - at.lr * (adam_step(g, s, at, h) + h.weight_decay * w)


def adamax(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Kingma and Ba 2015, algorithm 2, with eps beside the size of the gradient."""
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["u"] = torch.fmax(h.beta2 * s.get("u", torch.zeros_like(g)), g.abs() + h.eps)
    return w - at.lr / (1 - h.beta1**at.t) * s["m"] / s["u"]


def _nadam_step(g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    def mu(t: int) -> float:
        return float(h.beta1 * (1 - 0.5 * 0.96 ** (h.momentum_decay * t)))

    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    product = math.prod(mu(t) for t in range(1, at.t + 1))
    ahead = mu(at.t + 1) * s["m"] / (1 - product * mu(at.t + 1)) + (1 - mu(at.t)) * g / (1 - product)
    return ahead / (torch.sqrt(s["v"] / (1 - h.beta2**at.t)) + h.eps)


def nadam(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Dozat 2016, algorithm 2, with its schedule of the momentum."""
    return w - at.lr * _nadam_step(g, s, at, h)


def nadamw(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """The same with decoupled weight decay."""
    return w - at.lr * (_nadam_step(g, s, at, h) + h.weight_decay * w)


def amsgrad(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Reddi et al. 2018, algorithm 2, with Adam's corrections for the start at zero."""
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    s["top"] = torch.fmax(s.get("top", s["v"]), s["v"])
    return w - at.lr * s["m"] / (1 - h.beta1**at.t) / (torch.sqrt(s["top"] / (1 - h.beta2**at.t)) + h.eps)


def bounded(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers, *, ams: bool, under_root: float = 0.0) -> Tensor:
    """Luo et al. 2019, algorithms 2 and 3, with Adam's corrections; the final rate keeps its ratio to the schedule.

    The paper adds nothing to the second moment under the root.
    """
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    s["top"] = torch.fmax(s.get("top", s["v"]), s["v"]) if ams else s["v"]
    corrected = at.lr * math.sqrt(1 - h.beta2**at.t) / (1 - h.beta1**at.t)
    final = h.final_ratio * at.lr
    low, high = final - final / (h.gamma * at.t + 1), final + final / (h.gamma * at.t)
    return w - torch.clamp(corrected / (torch.sqrt(s["top"] + under_root) + h.eps), low, high) * s["m"]


def adabound(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Luo et al. 2019, algorithm 2."""
    return bounded(w, g, s, at, h, ams=False)


def amsbound(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Luo et al. 2019, algorithm 3."""
    return bounded(w, g, s, at, h, ams=True)


def adabelief(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Zhuang et al. 2020, algorithm 2."""
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["s"] = h.beta2 * s.get("s", 0.0) + (1 - h.beta2) * (g - s["m"]) ** 2 + h.eps
    m, spread = s["m"] / (1 - h.beta1**at.t), s["s"] / (1 - h.beta2**at.t)
    return w - at.lr * m / (torch.sqrt(spread) + h.eps)


def lion(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Chen et al. 2023, algorithm 2."""
    m = s.get("m", torch.zeros_like(g))
    s["m"] = h.beta2 * m + (1 - h.beta2) * g
    return w - at.lr * (torch.sign(h.beta1 * m + (1 - h.beta1) * g) + h.weight_decay * w)


def signum(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Bernstein et al. 2018, algorithm 2."""
    s["m"] = h.beta * s.get("m", 0.0) + (1 - h.beta) * g
    return w - at.lr * torch.sign(s["m"])


def powersign(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Bello et al. 2017, section 4."""
    s["m"] = h.beta * s.get("m", 0.0) + (1 - h.beta) * g
    return w - at.lr * torch.exp(math.log(h.base) * torch.sign(g * s["m"])) * g


def addsign(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Bello et al. 2017, section 4."""
    s["m"] = h.beta * s.get("m", 0.0) + (1 - h.beta) * g
    return w - at.lr * (h.alpha * g + torch.sign(g * s["m"]) * g)


def grams(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Cao et al. 2024, algorithm 1."""
    return w - at.lr * (torch.sign(g) * adam_step(g, s, at, h).abs() + h.weight_decay * w)


def cautious(update: Tensor, g: Tensor) -> Tensor:
    """Liang et al. 2024, algorithm 1: what agrees with the gradient, scaled by size over one more than its count."""
    agrees = update * g > 0
    return torch.where(agrees, update, 0.0) * update.numel() / (int(agrees.count_nonzero()) + 1)


def cautious_adamw(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Liang et al. 2024, algorithm 2."""
    return w - at.lr * (cautious(adam_step(g, s, at, h), g) + h.weight_decay * w)


def cautious_lion(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Liang et al. 2024, algorithm 1 on Lion."""
    m = s.get("m", torch.zeros_like(g))
    s["m"] = h.beta2 * m + (1 - h.beta2) * g
    return w - at.lr * (cautious(torch.sign(h.beta1 * m + (1 - h.beta1) * g), g) + h.weight_decay * w)


def ademamix(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Pagliardini et al. 2024, algorithm 1, both warm-ups as long as the run."""
    done, first, last = at.t / at.T, math.log(h.beta1), math.log(h.beta3)
    beta3 = min(math.exp(first * last / ((1 - done) * last + done * first)), h.beta3)
    s["slow"] = beta3 * s.get("slow", 0.0) + (1 - beta3) * g
    s["m"] = h.beta1 * s.get("m", 0.0) + (1 - h.beta1) * g
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    m, v = s["m"] / (1 - h.beta1**at.t), s["v"] / (1 - h.beta2**at.t)
    return w - at.lr * ((m + min(done, 1.0) * h.alpha * s["slow"]) / (torch.sqrt(v) + h.eps) + h.weight_decay * w)


def optimistic_sgd(w: Tensor, g: Tensor, s: Memory, at: Moment, _: Hypers) -> Tensor:
    """Daskalakis et al. 2018, equation 5."""
    last, s["last"] = s.get("last", 0.0), g
    return w - 2 * at.lr * g + at.lr * last


def complex_momentum(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Lorraine et al. 2021, algorithm 1, in complex numbers."""
    beta = torch.polar(torch.tensor(h.beta, dtype=g.dtype), torch.tensor(h.angle, dtype=g.dtype))
    s["mu"] = beta * s.get("mu", 0.0) - g
    return w + at.lr * s["mu"].real
