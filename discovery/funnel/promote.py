"""All stages, for the candidates of a run.

Nothing here remembers anything: every measurement is in the store under its question, and a promotion that is started
again goes the same way and finds them. What each stage says of a candidate is stored too, once per question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from archive.grid import AXES
from archive.promotions import Promotions, StageResult
from archive.views import replay
from discovery.baselines import INITIAL
from discovery.executors import Executor
from discovery.funnel import fresh as fresh_stage
from discovery.funnel import maps as maps_stage
from discovery.funnel import sealed, simplification, verified
from discovery.funnel import validation as validation_stage
from discovery.funnel.fair import against
from discovery.funnel.findings import Funnel, Promotion, folder_of
from discovery.funnel.lab import Lab, Watcher
from discovery.funnel.lift import lift
from discovery.funnel.nearest import relatives
from discovery.funnel.overfitting import leaders, spread
from discovery.funnel.regroup import regrouped
from discovery.funnel.settings import BASELINES, Settings, Trainer
from discovery.funnel.speedup import speedup
from discovery.funnel.statistics import Word
from discovery.funnel.tuning import Tuned, tune
from discovery.json_values import plain
from discovery.plan import plan
from discovery.results import rule_results
from discovery.runs import Run
from discovery.scoring import REFERENCE, REFERENCE_ID
from programs import zoo
from programs.parse import parse
from programs.show import show

_LEADERS = 12
"""Leaders of the run whose validation score is measured, for the meta-overfitting curve."""


def elites(run: Run, top: int) -> list[int]:
    """The best candidates of a run that are none of its start rules, by fresh seeds where those were measured."""
    grid = replay(run.store, [AXES[name] for name in run.config.archive.axes])
    initial = {candidate.id for candidate in run.store.candidates() if candidate.emitter in INITIAL}
    ranked = [
        elite.id
        for elite in sorted(grid.elites(), key=lambda elite: (-elite.score, elite.id))
        if elite.id not in initial
    ]
    results = rule_results(run.store, ranked[: 4 * top])
    best = sorted(results, key=lambda result: -(result.fresh.score if result.fresh else result.score or 0.0))
    return [result.candidate.id for result in best[:top]]


def promote(
    run: Run,
    executor: Executor,
    settings: Settings,
    candidates: Sequence[int],
    watcher: Watcher,
    *,
    go_on: bool = False,
) -> Funnel:
    """Send candidates, given by number, through the funnel.

    Args:
        go_on: Whether a candidate that a stage rejects goes on nevertheless, for the record.

    Raises:
        NotFoundError: The run has no such candidate.
        ExecutorError, SandboxError: The workers are gone, or cannot do a job.
        StoreError: Something could not be stored; what was measured before is kept.
    """
    return _Stages(run, executor, settings, candidates, watcher, go_on).through()


class _Stages:
    def __init__(
        self,
        run: Run,
        executor: Executor,
        settings: Settings,
        candidates: Sequence[int],
        watcher: Watcher,
        go_on: bool,
    ) -> None:
        self.run, self.settings, self.watcher, self.go_on = run, settings, watcher, go_on
        self.store = Promotions(run.store)
        self.lab = Lab(executor, self.store, watcher)
        searched = plan(run.config, ())
        self.tasks = searched.tasks
        self.trainer = Trainer(searched.race, searched.device, searched.time_limit, run.config.seed, settings.budget)
        self.reference = parse(run.store.candidate(REFERENCE_ID).source)
        before = {each.candidate for each in self.store.stages() if each.stage == fresh_stage.STAGE}
        self.funnel = Funnel(
            run,
            settings,
            len(before | set(candidates)),
            [Promotion(number, parse(run.store.candidate(number).source)) for number in candidates],
        )

    def through(self) -> Funnel:
        for stage in (self.fresh, self.validate, self.tune, self.simplify, self.describe, self.test, self.export):
            stage()
        self.funnel.sandbox = self.lab.sandbox
        return self.funnel

    @property
    def left(self) -> list[Promotion]:
        """Who goes on."""
        return [each for each in self.funnel.promotions if self.go_on or not each.rejected]

    def fresh(self) -> None:
        results = rule_results(self.run.store, [each.candidate for each in self.left])
        found = fresh_stage.fresh(
            self.lab,
            self.trainer,
            self.settings,
            self.tasks,
            {each.candidate: each.program for each in self.left},
            self.reference,
            {result.candidate.id: result.score for result in results},
            self.funnel.tried,
        )
        self.funnel.bias = fresh_stage.bias(found)
        for each in self.left:
            each.fresh = found[each.candidate]
            self._judge(fresh_stage.STAGE, each, each.fresh.passed, each.fresh.reason, each.fresh)

    def validate(self) -> None:
        self._transfer()
        found = validation_stage.validate(
            self.lab,
            self.trainer,
            self.settings,
            {each.candidate: each.program for each in self.left},
            self.reference,
            self.funnel.tried,
        )
        for each in self.left:
            each.validated = found[each.candidate]
            self._judge(validation_stage.STAGE, each, each.validated.passed, each.validated.reason, each.validated)

    def _transfer(self) -> None:
        """What the run's search scores are worth, whoever goes on."""
        scores = {verdict.candidate: verdict.score for verdict in self.run.store.verdicts()}
        ranked = sorted((score, number) for number, score in scores.items() if score is not None)
        places = spread(ranked, self.settings.ranked)
        led, evaluations = leaders(self.run)
        led = spread(led, _LEADERS)
        numbers = {number for _, number in places} | {each.candidate for each in led}
        programs = {number: parse(self.run.store.candidate(number).source) for number in sorted(numbers)}
        self.funnel.transfer = validation_stage.transfer(
            self.lab,
            self.trainer,
            self.settings,
            {number: score for score, number in places},
            led,
            evaluations,
            programs,
            self.reference,
        )
        self._finish("transfer", None, True, self.funnel.transfer)

    def tune(self) -> None:
        if not self.left:
            return
        prepared = {f"#{each.candidate}": lift(regrouped(each.program)) for each in self.left}
        known = [*BASELINES, *(relatives(program, 1)[0].name for program in prepared.values())]
        rules = prepared | {name: zoo.load(name) for name in dict.fromkeys(known)}
        tuned = {each.name: each for each in tune(self.lab, self.trainer, self.settings, rules)}
        self.funnel.baselines = [found for name, found in tuned.items() if name not in prepared]
        for each in self.left:
            each.tuned = tuned[f"#{each.candidate}"]
            each.standing = against(each.tuned, self.funnel.baselines, self.settings.settings, self.funnel.tried)
            found = each.standing.overall[REFERENCE]
            reason = f"score {found.interval.score:.3f} against AdamW tuned alike, {found.word.value}"
            passed = found.word not in (Word.WORSE, Word.FAILED)
            document = {"choices": each.tuned.choices, "rule": show(each.tuned.central), "standing": each.standing}
            self._judge("tuning", each, passed, reason, document)

    def simplify(self) -> None:
        going = [each for each in self.left if each.tuned and set(self.settings.tuned) <= set(each.tuned.choices)]
        courses = [
            simplification.simplification(each.tuned.central, self._simplified(each.tuned), self.trainer, self.settings)
            for each in going
            if each.tuned
        ]
        found = self.lab.run(simplification.STAGE, courses)
        for each, simplified in zip(going, found, strict=True):
            each.simplified = simplified
            steps = f"{len(simplified.steps)} changes kept"
            self._judge(simplification.STAGE, each, True, steps, simplified.document())

    def describe(self) -> None:
        """Speed-ups and sensitivity maps: they decide nothing."""
        going = [each for each in self.left if each.simplified and each.tuned]
        adamw = next((rule for rule in self.funnel.baselines if rule.name == REFERENCE), None)
        if not going or adamw is None:
            return
        tasks = self.settings.tuned
        courses = [
            speedup(each.tuned, adamw, task, self.trainer, self.settings)
            for each in going
            for task in tasks
            if each.tuned
        ]
        found = iter(self.lab.run("speedup", courses))
        for each in going:
            each.speedups = [one for _ in tasks if (one := next(found)) is not None]
        place = next(iter(self._simplified(adamw)))
        mapped = {
            str(each.candidate): (
                each.simplified.program,
                self._rates(each.tuned)[place] * each.simplified.rate_factor,
            )
            for each in going
            if each.simplified and each.tuned
        }
        mapped[REFERENCE] = adamw.central, self._rates(adamw)[place]
        maps = maps_stage.maps(self.lab, self.trainer, self.settings, mapped, place)
        self.funnel.baseline_maps = maps[REFERENCE]
        for each in going:
            each.maps = maps[str(each.candidate)]

    def test(self) -> None:
        if not self.settings.tests:
            self.watcher.said("there is no sealed test task: the certificate will say so")
            return
        others = {rule.name: rule.central for rule in self.funnel.baselines}
        for each in self.left:
            if each.simplified is None:
                continue
            try:
                each.tested = sealed.test(
                    self.lab,
                    self.trainer,
                    self.settings,
                    self.store,
                    each.candidate,
                    each.simplified.program,
                    others,
                    self.funnel.tried,
                )
            except sealed.SealedError as error:
                self._judge(sealed.STAGE, each, False, str(error), {"refused": str(error)})
                continue
            found = each.tested.overall[REFERENCE]
            passed = found.word not in (Word.WORSE, Word.FAILED)
            reason = f"score {found.interval.score:.3f} against AdamW on test tasks, {found.word.value}"
            self._judge(sealed.STAGE, each, passed, reason, each.tested)

    def export(self) -> None:
        for each in self.left:
            if each.simplified is None or each.tuned is None:
                continue
            task, rate = next(iter(self._simplified(each.tuned).items()))
            rate *= each.simplified.rate_factor
            name = f"{self.run.name}_{each.candidate}"
            asked = verified.trial(self.trainer, self.settings, each.simplified.program, task, rate, name)
            file = folder_of(self.run, each.candidate) / verified.FILE
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(asked.source, encoding="utf-8")
            known = self.store.stage(verified.STAGE, asked.key)
            if known is None:
                found = verified.verify(self.lab, self.trainer, self.settings.margin, asked, file)
                known = StageResult(verified.STAGE, each.candidate, asked.key, found.passed, {"found": plain(found)})
                self.store.finish(known)
            each.verified = verified.Verified(**known.document["found"])
            self._say(verified.STAGE, each, known.passed, each.verified.reason)

    def _simplified(self, tuned: Tuned) -> dict[str, float]:
        """The learning rates on the tasks that a simpler rule has to stay good on."""
        rates = self._rates(tuned)
        return {task: rates[task] for task in self.settings.simplified or self.settings.tuned}

    def _rates(self, tuned: Tuned) -> dict[str, float]:
        return {task: tuned.choices[task].learning_rate for task in self.settings.tuned}

    def _judge(self, stage: str, each: Promotion, passed: bool, reason: str, document: object) -> None:
        self._say(stage, each, passed, reason)
        self._finish(stage, each.candidate, passed, document)

    def _say(self, stage: str, each: Promotion, passed: bool, reason: str) -> None:
        self.watcher.said(f"#{each.candidate} {stage}: {reason}{'' if passed else ' - rejected'}")
        if not passed and not each.rejected:
            each.rejected = f"{stage}: {reason}"

    def _finish(self, stage: str, candidate: int | None, passed: bool, document: object) -> None:
        """Store what a stage says, unless it has said the same before."""
        said = plain(document)
        text = json.dumps([candidate, passed, said], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:32]
        if self.store.stage(stage, key) is None:
            self.store.finish(StageResult(stage, candidate, key, passed, {"found": said}))
