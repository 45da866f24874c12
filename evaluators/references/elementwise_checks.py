"""What the rules that treat every weight alone are compared with."""

from __future__ import annotations

from evaluators.references import elementwise, variants
from evaluators.references.compare import Check
from evaluators.references.options import (
    UNDER_ROOT,
    adam,
    adamw,
    bounds,
    extended,
    heavyball,
    lion,
    nadam,
    nadamw,
    plain,
    without_slow_mean,
)
from evaluators.references.reference import Formula, Library, each

CHECKS = (
    Check(
        "sgd",
        (
            Library("torch.optim.SGD", plain),
            Library("pytorch_optimizer.SGDW", plain),
            Formula(each(elementwise.sgd)),
        ),
        {},
        lr=0.1,
    ),
    Check(
        "momentum",
        (
            Library("torch.optim.SGD", lambda h: {"momentum": h.beta}),
            Library("pytorch_optimizer.SGDW", lambda h: {"momentum": h.beta}),
            heavyball("SGD", lambda h: {"beta": h.beta}),
            Formula(each(elementwise.momentum)),
        ),
        {"beta": 0.5},
    ),
    Check(
        "nesterov",
        (
            Library("torch.optim.SGD", lambda h: {"momentum": h.beta, "nesterov": True}),
            Library("pytorch_optimizer.SGDW", lambda h: {"momentum": h.beta, "nesterov": True}),
            Formula(each(elementwise.nesterov)),
        ),
        {"beta": 0.99},
    ),
    Check(
        "adagrad",
        (Library("torch.optim.Adagrad", lambda h: {"eps": h.eps}), Formula(each(elementwise.adagrad))),
        {"eps": 1e-3},
        lr=0.1,
    ),
    Check(
        "adadelta",
        (
            Library("torch.optim.Adadelta", lambda h: {"rho": h.rho, "eps": h.eps}),
            Library("pytorch_optimizer.AdaDelta", lambda h: {"rho": h.rho, "eps": h.eps}),
            Formula(each(elementwise.adadelta)),
        ),
        {"rho": 0.5, "eps": 1e-4},
        lr=1.0,
    ),
    Check(
        "rmsprop",
        (
            Library("torch.optim.RMSprop", lambda h: {"alpha": h.beta, "eps": h.eps}),
            Formula(each(elementwise.rmsprop)),
        ),
        {"beta": 0.8, "eps": 1e-3},
    ),
    Check(
        "adam",
        (
            Library("torch.optim.Adam", adam),
            Library(
                "pytorch_optimizer.AdEMAMix",
                extended(without_slow_mean, weight_decay=0.0),
            ),
            Formula(each(elementwise.adam)),
        ),
        {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3},
    ),
    Check(
        "adamw",
        (
            Library("torch.optim.AdamW", adamw),
            Library(
                "pytorch_optimizer.AdEMAMix",
                lambda h: without_slow_mean(h) | {"weight_decay": h.weight_decay},
            ),
            Formula(each(elementwise.adamw)),
        ),
        {"beta1": 0.8, "beta2": 0.99, "eps": 1e-4, "weight_decay": 0.3},
    ),
    Check(
        "adamax",
        (
            Library("torch.optim.Adamax", adam),
            Library("pytorch_optimizer.AdaMax", adam),
            Formula(each(elementwise.adamax)),
        ),
        {"beta1": 0.8, "beta2": 0.9, "eps": 1e-3},
    ),
    Check(
        "nadam",
        (Library("torch.optim.NAdam", nadam), Formula(each(elementwise.nadam))),
        {"beta1": 0.8, "beta2": 0.99, "eps": 1e-3, "momentum_decay": 0.1},
    ),
    Check(
        "nadamw",
        (
            Library(
                "torch.optim.NAdam",
                nadamw,
            ),
            heavyball("NAdam", nadamw),
            Formula(each(elementwise.nadamw)),
        ),
        {"beta1": 0.8, "beta2": 0.99, "weight_decay": 0.3, "momentum_decay": 0.1},
    ),
    Check(
        "amsgrad",
        (Library("torch.optim.Adam", extended(adam, amsgrad=True)), Formula(each(elementwise.amsgrad))),
        {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3},
    ),
    Check(
        "adabound",
        (
            Library("pytorch_optimizer.AdaBound", bounds, note=UNDER_ROOT, variant=each(variants.adabound)),
            Formula(each(elementwise.adabound)),
        ),
        {"beta1": 0.5, "beta2": 0.9, "gamma": 0.1, "final_ratio": 10},
        lr=0.001,
    ),
    Check(
        "amsbound",
        (
            Library(
                "pytorch_optimizer.AdaBound",
                extended(bounds, ams_bound=True),
                note=UNDER_ROOT,
                variant=each(variants.amsbound),
            ),
            Formula(each(elementwise.amsbound)),
        ),
        {"beta1": 0.5, "beta2": 0.9, "gamma": 0.1, "final_ratio": 10},
        lr=0.001,
    ),
    Check(
        "adabelief",
        (Library("pytorch_optimizer.AdaBelief", adam), Formula(each(elementwise.adabelief))),
        {"beta1": 0.5, "beta2": 0.9, "eps": 1e-6},
    ),
    Check(
        "lion",
        (
            Library("pytorch_optimizer.Lion", lion),
            Library("lion_pytorch.Lion", lion),
            Formula(each(elementwise.lion)),
        ),
        {"beta1": 0.95, "beta2": 0.98, "weight_decay": 1.0},
    ),
    Check(
        "signum",
        (Library("pytorch_optimizer.SignSGD", lambda h: {"momentum": h.beta}), Formula(each(elementwise.signum))),
        {"beta": 0.5},
    ),
    Check("powersign", (Formula(each(elementwise.powersign)),), {"beta": 0.5, "base": 2}),
    Check("addsign", (Formula(each(elementwise.addsign)),), {"beta": 0.5, "alpha": 2}),
    Check(
        "grams",
        (
            Library("pytorch_optimizer.Grams", adamw),
            Formula(each(elementwise.grams)),
        ),
        {"beta1": 0.8, "beta2": 0.99, "eps": 1e-4, "weight_decay": 0.3},
    ),
    Check(
        "cautious_adamw",
        (
            Library(
                "pytorch_optimizer.AdEMAMix",
                lambda h: without_slow_mean(h) | {"weight_decay": h.weight_decay, "cautious": True},
            ),
            Formula(each(elementwise.cautious_adamw)),
        ),
        {"beta1": 0.8, "beta2": 0.99, "eps": 1e-4, "weight_decay": 0.3},
    ),
    Check(
        "cautious_lion",
        (
            Library(
                "pytorch_optimizer.Lion",
                extended(lion, cautious=True),
            ),
            Library(
                "lion_pytorch.cautious_lion.Lion",
                lion,
                note="divides the mask by its mean; the paper decides",
                variant=each(variants.cautious_lion),
            ),
            Formula(each(elementwise.cautious_lion)),
        ),
        {"beta1": 0.95, "beta2": 0.98, "weight_decay": 1.0},
    ),
    Check(
        "ademamix",
        (
            Library(
                "pytorch_optimizer.AdEMAMix",
                lambda h: {
                    "betas": (h.beta1, h.beta2, h.beta3),
                    "alpha": h.alpha,
                    "eps": h.eps,
                    "weight_decouple": True,
                    "weight_decay": h.weight_decay,
                    "t_alpha_beta3": 100,
                },
            ),
            heavyball(
                "AdEMAMix",
                lambda h: {
                    "betas": (h.beta1, h.beta2, h.beta3),
                    "eps": h.eps,
                    "alpha": h.alpha,
                    "weight_decay": h.weight_decay,
                    "beta3_warmup": 100,
                    "alpha_warmup": 100,
                },
            ),
            Formula(each(elementwise.ademamix)),
        ),
        {"beta1": 0.8, "beta2": 0.99, "beta3": 0.99, "alpha": 2, "weight_decay": 0.3},
    ),
    Check("optimistic_sgd", (Formula(each(elementwise.optimistic_sgd)),), {}, lr=0.1),
    Check("complex_momentum", (Formula(each(elementwise.complex_momentum)),), {"beta": 0.5, "angle": 1}),
)
