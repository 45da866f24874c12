"""What kind of rule it is, by its text and by how its trainings went: the numbers that place it in the archive."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from archive.records import Evaluation
from discovery.scoring import SeedLosses, losses
from evaluators.job import Outcome
from programs.ir import Program
from programs.measures import measure


def measured(program: Program, evaluations: Sequence[Evaluation], reference: Sequence[Evaluation]) -> dict[str, float]:
    """Every measure that an archive's axis can name.

    Args:
        program: The rule.
        evaluations: Its trainings; those that failed tell nothing here.
        reference: The trainings of the rule that scores are relative to.

    Returns:
        Those of `programs.measures.measure`, and:
        `learning_rate_sensitivity`: what a learning rate drawn from the grid loses against the best one, as a share of
        what the best one gains; 0 where every learning rate does as well, near 1 where only one works. The mean over
        trainings of `E[min(loss, initial) - best] / (initial - best)` over the scouting runs, after Wortsman et al.,
        "Small-scale proxies for large-scale Transformer training instabilities", 2023, https://arxiv.org/abs/2309.14322;
        `noise_sensitivity`: standard deviation over seeds of `log(reference loss / loss)`, paired by seed, as the root
        mean square over tasks: about the relative noise of one seed's score. 0 where fewer than two seeds are paired.
    """
    return measure(program) | {
        "learning_rate_sensitivity": _learning_rate_sensitivity(evaluations),
        "noise_sensitivity": _noise_sensitivity(losses(evaluations), losses(reference)),
    }


def _learning_rate_sensitivity(evaluations: Iterable[Evaluation]) -> float:
    shares = []
    for evaluation in evaluations:
        result, initial = evaluation.result, evaluation.initial_loss
        learned = [loss for _, loss in result.scouted if loss is not None and initial is not None and loss < initial]
        if result.outcome is Outcome.SCORED and learned and initial is not None:
            best = min(learned)
            # A learning rate that learned nothing, or died, loses everything that there was to gain.
            gained = sum(initial - loss for loss in learned) / len(result.scouted)
            shares.append(max(0.0, 1 - gained / (initial - best)))
    return fmean(shares) if shares else 0.0


def _noise_sensitivity(rule: SeedLosses, reference: SeedLosses) -> float:
    variances = []
    for task, by_seed in rule.items():
        compared = reference.get(task, {})
        pairs = [(compared[seed], loss) for seed, loss in by_seed.items() if compared.get(seed) and loss]
        ratios = [math.log(known) - math.log(own) for known, own in pairs]
        if len(ratios) > 1:
            variances.append(stdev(ratios) ** 2)
    return math.sqrt(fmean(variances)) if variances else 0.0
