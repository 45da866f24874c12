"""What the rules that look at a whole tensor, at the whole model, at the loss or at the curvature are compared with."""

from __future__ import annotations

import math

from evaluators.references import modelwise, variants
from evaluators.references.compare import Check
from evaluators.references.options import adamw, curvature_step, extended, sophia_step
from evaluators.references.reference import Formula, Library, View, each

CHECKS = (
    Check(
        "gravity",
        (
            Library("pytorch_optimizer.Gravity", lambda h: {"alpha": 0.0, "beta": h.beta}),
            Formula(each(modelwise.gravity)),
        ),
        {"beta": 0.5},
        lr=0.1,
    ),
    Check(
        "sgd_sai",
        (
            Library(
                "pytorch_optimizer.SGDSaI", lambda h: {"momentum": h.beta, "eps": h.eps, "weight_decay": h.weight_decay}
            ),
            Formula(each(modelwise.sgd_sai)),
        ),
        {"beta": 0.5, "eps": 1e-2, "weight_decay": 0.3},
    ),
    Check("adagrad_norm", (Formula(modelwise.adagrad_norm),), {"b0": 2}, lr=0.1),
    Check(
        "lars",
        (
            Library(
                "pytorch_optimizer.LARS",
                lambda h: {"momentum": h.beta, "trust_coefficient": h.trust, "weight_decay": h.weight_decay},
                note="applies the rate to the momentum, and plain momentum to vectors; the paper decides",
                variant=each(variants.lars),
            ),
            Formula(each(modelwise.lars)),
        ),
        {"beta": 0.5, "trust": 0.1, "weight_decay": 0.1},
        lr=0.1,
    ),
    Check(
        "lamb",
        (
            Library(
                "pytorch_optimizer.Lamb",
                extended(adamw, weight_decouple=False),
                note="divides decay by the first correction, has no second, holds norms below 10; the paper decides",
                variant=each(variants.lamb),
            ),
            Formula(each(modelwise.lamb)),
        ),
        {"beta1": 0.8, "beta2": 0.99, "weight_decay": 0.3},
    ),
    Check(
        "adafactor",
        (
            Library(
                "torch.optim.Adafactor",
                lambda h: {
                    "beta2_decay": -h.decay,
                    "eps": (h.eps1, h.eps2),
                    "d": h.clipping,
                    "weight_decay": h.weight_decay,
                },
                view=View.KERNELS_AS_MATRICES,
            ),
            Library(
                "pytorch_optimizer.AdaFactor",
                lambda h: {
                    "decay_rate": -h.decay,
                    "eps1": h.eps1,
                    "eps2": h.eps2,
                    "clip_threshold": h.clipping,
                    "weight_decay": h.weight_decay,
                    "betas": (None, math.nextafter(1, 0)),
                    "relative_step": False,
                },
                note="decays weights in proportion to their own size",
                variant=each(variants.adafactor),
                view=View.KERNELS_AS_MATRICES,
            ),
            Formula(each(modelwise.adafactor)),
        ),
        {"decay": 0.5, "eps2": 0.1, "clipping": 2, "weight_decay": 0.3},
    ),
    Check("momo", (Formula(modelwise.momo),), {"beta": 0.5, "lower_bound": 1}, lr=1.0),
    Check("momo_adam", (Formula(modelwise.momo_adam),), {"beta1": 0.5, "beta2": 0.99, "lower_bound": 1}, lr=0.1),
    Check(
        "sophia",
        (
            Library(
                "pytorch_optimizer.SophiaH",
                lambda h: {
                    "betas": (h.beta1, h.beta2),
                    "weight_decay": h.weight_decay * h.gamma,
                    "p": h.gamma,
                    "eps": h.eps / h.gamma,
                    "update_period": 10**9,
                },
                step=sophia_step,
            ),
            Formula(modelwise.sophia),
        ),
        {"beta1": 0.8, "beta2": 0.9, "gamma": 0.1, "weight_decay": 0.3},
    ),
    Check(
        "adahessian",
        (
            Library(
                "pytorch_optimizer.AdaHessian",
                lambda h: {
                    "betas": (h.beta1, h.beta2),
                    "weight_decay": h.weight_decay,
                    "hessian_power": 2 * h.power_of_v,
                    "eps": h.eps,
                },
                step=curvature_step,
            ),
            Formula(modelwise.adahessian),
        ),
        {"beta1": 0.8, "beta2": 0.99, "power_of_v": 0.25, "weight_decay": 0.3},
    ),
    Check("normalized_sgd", (Formula(modelwise.normalized_sgd),), {"beta": 0.5}),
    Check("clipped_sgd", (Formula(modelwise.clipped_sgd),), {"limit": 0.1}, lr=0.1),
    Check(
        "prodigy",
        (
            Library("pytorch_optimizer.Prodigy", lambda h: adamw(h) | {"d0": h.d0}),
            Formula(modelwise.prodigy),
        ),
        {"beta1": 0.8, "beta2": 0.99, "d0": 1e-4, "weight_decay": 0.1},
        lr=0.1,
    ),
    Check("dog", (Formula(modelwise.dog),), {"first": 1e-2}, lr=1.0),
    Check("halpern", (Formula(modelwise.halpern),), {}, lr=0.1),
    Check("flooding", (Formula(modelwise.flooding),), {"level": 3}),
    Check("induced_metric", (Formula(modelwise.induced_metric),), {"xi": 10}, lr=0.1),
)
