"""What the rules that see a matrix, those on two sequences of weights, and MARS are compared with."""

from __future__ import annotations

from evaluators.references import matrixwise, variants
from evaluators.references.compare import Check
from evaluators.references.options import BF16, UNDER_ROOT, adamw, muon_groups
from evaluators.references.reference import Formula, Library, View, each

CHECKS = (
    Check(
        "muon",
        (
            Library(
                "torch.optim.Muon",
                lambda h: {
                    "momentum": h.momentum,
                    "weight_decay": h.weight_decay,
                    "adjust_lr_fn": "match_rms_adamw",
                },
                note=BF16,
                variant=each(variants.muon),
                view=View.KERNELS_AS_MATRICES,
                others=Library("torch.optim.AdamW", adamw),
            ),
            Library(
                "pytorch_optimizer.Muon",
                lambda h: {
                    "momentum": h.momentum,
                    "weight_decay": h.weight_decay,
                    "use_adjusted_lr": True,
                    "adamw_betas": (h.beta1, h.beta2),
                    "adamw_eps": h.eps,
                    "adamw_wd": h.weight_decay,
                },
                note=BF16,
                variant=each(variants.muon),
                groups=muon_groups,
            ),
            Formula(each(matrixwise.muon)),
        ),
        {"momentum": 0.8, "beta1": 0.8, "beta2": 0.99, "weight_decay": 0.3},
    ),
    Check(
        "adago",
        (
            Library(
                "pytorch_optimizer.AdaGO",
                lambda h: {
                    "momentum": h.momentum,
                    "nesterov": False,
                    "gamma": h.gamma,
                    "eps": h.least,
                    "v": h.v0**2,
                    "adamw_betas": (h.beta1, h.beta2),
                    "adamw_eps": h.eps,
                },
                note="divides by the sum of squared norms, not its root, and scales tall matrices; the paper decides",
                variant=each(variants.adago),
                groups=muon_groups,
            ),
            Formula(each(matrixwise.adago)),
        ),
        {"momentum": 0.8, "gamma": 0.1, "v0": 0.1},
        lr=0.05,
    ),
    Check(
        "mars",
        (
            Library(
                "pytorch_optimizer.MARS",
                lambda h: {
                    "betas": (h.beta1, h.beta2),
                    "gamma": h.gamma,
                    "eps": h.eps,
                    "weight_decay": h.weight_decay,
                    "optimize_1d": True,
                },
                note="adds 1e-15 to v under the root, and eps before the correction",
                variant=each(variants.mars),
            ),
            Formula(each(matrixwise.mars)),
        ),
        {"beta1": 0.8, "beta2": 0.9, "gamma": 0.1, "weight_decay": 0.3},
    ),
    Check("mars_m", (Formula(each(matrixwise.mars_m)),), {"momentum": 0.8, "gamma": 0.1, "weight_decay": 0.3}),
    Check(
        "shampoo",
        (
            Library(
                "pytorch_optimizer.Shampoo",
                lambda h: {
                    "momentum": 0.0,
                    "weight_decay": 0.0,
                    "preconditioning_compute_steps": 1,
                    "matrix_eps": h.eps,
                },
                view=View.ALL_AS_MATRICES,
            ),
            Formula(each(matrixwise.shampoo)),
        ),
        {"eps": 1e-2},
    ),
    Check(
        "schedule_free_sgd",
        (
            Library(
                "pytorch_optimizer.ScheduleFreeSGD", lambda h: {"momentum": h.beta, "weight_decay": h.weight_decay}
            ),
            Formula(each(matrixwise.schedule_free_sgd)),
        ),
        {"beta": 0.5, "weight_decay": 0.3},
        lr=0.1,
    ),
    Check(
        "schedule_free_adamw",
        (
            Library(
                "pytorch_optimizer.ScheduleFreeAdamW",
                adamw,
                note=UNDER_ROOT,
                variant=each(variants.schedule_free_adamw),
            ),
            Formula(each(matrixwise.schedule_free_adamw)),
        ),
        {"beta1": 0.5, "beta2": 0.99, "weight_decay": 0.3},
    ),
)
