"""What became of every call of a run: by model and prompt, what it cost, what the archive gained; from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from archive.calls import Call
from archive.grid import AXES, Grid, shelve
from archive.records import Verdict
from discovery.llm.exchange import CRITICISE, Fate, predicted
from discovery.runs import Run
from discovery.scoring import CAP


@dataclass(slots=True)
class Line:
    """What came of one kind of prompt to one model.

    Attributes:
        model: By its name in the configuration.
        kind: Of the prompt.
        exchanges: Proposals asked for.
        calls: Questions, repairs and criticism included.
        prompt_tokens: Sent.
        answer_tokens: Written.
        cost: In the currency of the prices.
        seconds: Of waiting, summed over calls.
        fates: Proposals by what became of them.
        reasons: Answers that were no rule, or did not come, by reason.
        scored: Candidates that learned on every task.
        entered: Times that a candidate took a cell of the archive.
        gain: By how much they raised its QD score, counted from the lowest score there is.
    """

    model: str
    kind: str
    exchanges: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    fates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    scored: int = 0
    entered: int = 0
    gain: float = 0.0

    @property
    def tokens(self) -> int:
        """Sent and written."""
        return self.prompt_tokens + self.answer_tokens


def ledger(run: Run) -> list[Line]:
    """One line for each model and kind of prompt, in the order in which they first were used."""
    lines: dict[tuple[str, str], Line] = {}
    made: dict[int, Line] = {}
    last: dict[int, Call] = {}
    for call in run.store.calls():
        proposer = last[call.exchange].model if call.purpose == CRITICISE and call.exchange in last else call.model
        line = lines.setdefault((proposer, call.kind), Line(proposer, call.kind))
        line.calls += 1
        line.prompt_tokens += call.prompt_tokens
        line.answer_tokens += call.answer_tokens
        line.cost += call.cost
        line.seconds += call.seconds
        if call.outcome in (Fate.INVALID, Fate.FAILED):
            line.reasons[call.reason.partition(":")[0] if call.outcome == Fate.FAILED else call.reason] += 1
        if call.candidate is not None:
            made[call.candidate] = line
        if call.purpose != CRITICISE:
            last[call.exchange] = call
    for call in last.values():
        line = lines[call.model, call.kind]
        line.exchanges += 1
        line.fates[call.outcome] += 1
    _credit(run, made)
    return list(lines.values())


def _credit(run: Run, made: Mapping[int, Line]) -> None:
    """Replay the verdicts, and see what the archive gains from whom."""
    grid = Grid([AXES[name] for name in run.config.archive.axes])
    worth = 0.0
    for verdict in run.store.verdicts():
        status = shelve(grid, verdict)
        before, worth = worth, grid.qd_score - len(grid) / CAP
        if (line := made.get(verdict.candidate)) is not None:
            line.gain += worth - before
            line.entered += bool(status)
            line.scored += verdict.revision == 0 and verdict.score is not None


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a critic's predictions compare with what was measured.

    Attributes:
        predictions: Rules that it judged and that were measured.
        good: How many of them were as good as the rule that they were made from.
        predicted: Mean probability that it gave them.
        brier: Mean squared error of its probabilities; Brier 1950.
        reference: The same for somebody who always names the share that was good.
        bins: Predicted probability, share that was good, and number, for tenths of the range that occurred.
    """

    predictions: int
    good: int
    predicted: float
    brier: float
    reference: float
    bins: tuple[tuple[float, float, int], ...]

    @property
    def skill(self) -> float:
        """By how much it beats knowing the share alone: 1 for an oracle, 0 or less for a critic that earns nothing."""
        return 1 - self.brier / self.reference if self.reference else 0.0


def calibration(run: Run) -> Calibration | None:
    """The calibration of a run's critic; None if nothing that it judged was measured."""
    scores = {verdict.candidate: verdict.score for verdict in _first(run.store.verdicts())}
    parents = {candidate.id: candidate.parents for candidate in run.store.candidates()}
    pairs = []
    for call in run.store.calls():
        probability = predicted(call.answer) if call.purpose == CRITICISE else None
        if probability is None or call.candidate not in scores:
            continue
        own = scores[call.candidate]
        compared = scores.get(next(iter(parents[call.candidate]), 0)) or 1.0
        pairs.append((probability, own is not None and own >= compared))
    return _calibration(pairs) if pairs else None


def _calibration(pairs: list[tuple[float, bool]]) -> Calibration:
    share = fmean(good for _, good in pairs)
    by_tenth: dict[int, list[tuple[float, bool]]] = {}
    for pair in pairs:
        by_tenth.setdefault(min(int(10 * pair[0]), 9), []).append(pair)
    return Calibration(
        predictions=len(pairs),
        good=sum(good for _, good in pairs),
        predicted=fmean(probability for probability, _ in pairs),
        brier=fmean((probability - good) ** 2 for probability, good in pairs),
        reference=fmean((share - good) ** 2 for _, good in pairs),
        bins=tuple(
            (fmean(p for p, _ in inside), fmean(good for _, good in inside), len(inside))
            for _, inside in sorted(by_tenth.items())
        ),
    )


def _first(verdicts: Iterable[Verdict]) -> Iterable[Verdict]:
    return (verdict for verdict in verdicts if verdict.revision == 0)
