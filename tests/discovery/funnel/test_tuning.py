from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import fmean

import pytest

from discovery.funnel.fair import against, everybody
from discovery.funnel.lab import Lab
from discovery.funnel.maps import maps
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.speedup import speedup
from discovery.funnel.statistics import Word
from discovery.funnel.tuning import Choice, study, tune
from evaluators.job import Job, Outcome, Report, Result
from programs import zoo
from programs.parse import parse

SETTINGS = Settings(
    validation=(), tuned=("digits_mlp",), tests=(), variants=("batch=2",), trials=8, final_seeds=4, map_seeds=1
)
SIGN = parse("def sign_descent(g, lr):\n    return sign(g) * lr\n")
STUCK = parse("def stuck(g, lr):\n    return sqrt(-1 - g * g) * lr\n")


def test_everybody_gets_the_same_trials_and_seeds_and_a_better_rate_than_a_first_guess(
    make_lab: Callable[..., Lab], trainer: Callable[..., Trainer]
) -> None:
    lab = make_lab()
    rules = {"adamw": zoo.load("adamw"), "mine": SIGN, "stuck": STUCK}
    adamw, mine, stuck = tune(lab, trainer(), SETTINGS, rules)
    assert lab.measured == 2 * (3 * 8 + 2 * (3 + 1))
    assert stuck.choices == {}
    assert mine.program.hypers[-1].name == "weight_decay"
    for rule in (adamw, mine):
        assert set(rule.choices) == set(SETTINGS.settings) == {"digits_mlp", "digits_mlp@batch=2"}
        for choice in rule.choices.values():
            assert set(choice.losses) == set(trainer().seeds("final", 4))
            assert fmean(choice.losses.values()) < 1.5
    pairs = everybody([adamw, mine, stuck], SETTINGS.settings)
    assert pairs["adamw"]["mine"].interval.score == pytest.approx(1 / pairs["mine"]["adamw"].interval.score)
    assert pairs["adamw"]["stuck"].word is Word.FAILED
    standing = against(mine, [adamw], SETTINGS.settings, tried=5)
    assert standing.overall["adamw"].confidence == pytest.approx(1 - 0.05 / 5)
    assert standing.by_setting["digits_mlp"]["adamw"].confidence == pytest.approx(1 - 0.05 / 10)

    again = make_lab()
    assert tune(again, trainer(), SETTINGS, {"alone": zoo.load("adamw")})[0].choices == adamw.choices, (
        "what is chosen does not depend on who else is tuned"
    )

    found = lab.run("speedup", [speedup(rule, adamw, "digits_mlp", trainer(), SETTINGS) for rule in (adamw, stuck)])
    assert found[1] is None
    assert found[0] is not None
    assert found[0].steps == pytest.approx(1, rel=0.02), "AdamW is as fast as AdamW"
    assert [share for share, _ in found[0].curve] == sorted(share for share, _ in found[0].curve)

    rate = adamw.choices["digits_mlp"].learning_rate
    drawn = maps(lab, trainer(), replace(SETTINGS, tuned=("digits_mlp",)), {"a": (adamw.program, rate)}, "digits_mlp")[
        "a"
    ]
    assert len(drawn.decay.losses) == len(drawn.decay.down)
    assert drawn.variants.down == ("digits_mlp", "digits_mlp@batch=2")
    assert all(0 <= span <= 3 for span in drawn.variants.decades)
    best = drawn.variants.losses[0]
    assert min(loss for loss in best if loss is not None) < 2


def test_a_choice_at_the_edge_of_diverging_gives_way_to_the_next_best(trainer: Callable[..., Trainer]) -> None:
    """Losses fall up to a learning rate of 0.05; above 0.02, one of the final seeds fails."""
    final = trainer().seeds("final", SETTINGS.final_seeds)

    def answer(job: Job, edge: float) -> Report:
        (rate,) = job.race.learning_rates
        lost = rate > (edge if job.seeds == final else 0.05)
        losses = tuple(1 / rate + 0 * seed for seed in job.seeds)
        result = (
            Result(outcome=Outcome.DIVERGED, detail="it diverged")
            if lost
            else Result(outcome=Outcome.SCORED, learning_rate=rate, losses=losses)
        )
        return Report(task=job.task, task_version="1", device="cpu", initial_loss=2.0, seconds=1.0, results=(result,))

    def tuned(edge: float) -> Choice:
        course = study(SIGN, "digits_mlp", trainer(), replace(SETTINGS, trials=24))
        jobs = next(course)
        while True:
            try:
                jobs = course.send([answer(job, edge) for job in jobs])
            except StopIteration as end:
                choice: Choice = end.value
                return choice

    best, next_best, none = tuned(1.0), tuned(tuned(1.0).learning_rate * 0.999), tuned(0.0)
    assert set(best.losses) == set(next_best.losses) == set(final)
    assert 0 < best.tuned < next_best.tuned
    assert next_best.learning_rate < best.learning_rate
    assert (none.losses, none.learning_rate) == ({}, best.learning_rate)


def test_seeds_of_stages_and_runs_never_meet(trainer: Callable[..., Trainer]) -> None:
    taken: set[int] = set()
    for seed in (0, 1, 2):
        for stage in ("fresh", "validation", "tuning", "final", "simplify", "test", "map"):
            seeds = set(trainer(seed=seed).seeds(stage, 50))
            assert len(seeds) == 50
            assert not seeds & taken
            taken |= seeds
    assert min(taken) > 1_000_000, "far from those of any search"
