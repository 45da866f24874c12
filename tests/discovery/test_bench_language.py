"""The benches of the language at a small size: what they count, not how long it takes."""

from discovery.bench import language, twins
from programs.parse import parse


def test_what_is_counted_depends_on_the_seed_alone() -> None:
    reports = [language.bench(400, seed, lambda _: None) for seed in (0, 0, 1)]
    counts = [
        (stream.cache_hit_rate, stream.only_behaviour, stream.redundant_statements, stream.instructions)
        for report in reports
        for stream in (report.drift, report.search)
    ]
    assert counts[:2] == counts[2:4] != counts[4:]
    drift, search = reports[0].drift, reports[0].search
    assert (drift.proposals, search.proposals) == (400, 40)
    assert 0 < drift.cache_hit_rate < 1
    assert 0 < drift.redundant_statements < 1
    assert search.redundant_statements == 0
    assert drift.instructions > 10


AVERAGE = parse("def a(g, m, lr):\n    m = interp(g, m, 0.9)\n    return m * lr, m\n")


def test_twins_are_found_and_counted() -> None:
    report = twins.bench(1, 0, lambda _: None)
    assert (report.pairs, report.behaviours) == (1, 1)
    assert report.disagreements == len(report.examples)
    assert report.proposals > 0
    assert report.lost + report.chaotic <= report.pairs


def test_twins_train_alike_with_their_learning_rates_brought_together() -> None:
    thrice = parse("def b(g, m, lr):\n    m = m + 0.1 * (g - m)\n    return m * lr * 3, m\n")
    (verdict,) = twins.trained([twins.Pair(AVERAGE, thrice, 1 / 3)])
    assert isinstance(verdict, twins.Agreement)
    assert verdict.apart < 1e-6
    assert not verdict.lost


def test_twins_that_are_lost_alike_are_counted_as_such() -> None:
    left, right = (parse(f"def a(w, g, lr):\n    return {update}\n") for update in ("g * 0 + 100", "g * 0 + 10 * 10"))
    (verdict,) = twins.trained([twins.Pair(left, right, 1.0)])
    assert isinstance(verdict, twins.Agreement)
    assert verdict.lost


def test_rules_that_are_no_twins_are_found_out() -> None:
    right = parse("def b(g, m, lr):\n    m = interp(g, m, 0.91)\n    return m * lr, m\n")
    (verdict,) = twins.trained([twins.Pair(AVERAGE, right, 1.0)])
    assert isinstance(verdict, twins.Disagreement)
    assert verdict.losses[0] != verdict.losses[1]
