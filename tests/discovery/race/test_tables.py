from __future__ import annotations

import math

from discovery.race.standings import EmitterStanding, Middle, Standing
from discovery.race.tables import emitter_rows, markdown, result_rows


def standing(name: str, final: float, **emitters: EmitterStanding) -> Standing:
    at = Middle(1.5, 1.25, 1.75)
    return Standing(name, "map_elites", Middle(final, final - 0.01, final + 0.01), at, at, at, emitters)


def test_the_best_on_fresh_seeds_comes_first_and_who_has_no_number_last() -> None:
    rows = result_rows([standing("a", 1.0), standing("b", math.nan), standing("c", 1.02)], 5)
    assert [row[0] for row in rows[1:]] == ["c", "a", "b"]
    assert rows[1][2] == "1.020 [1.010, 1.030]"
    assert rows[3][2] == "-"


def test_the_head_says_which_confidence_so_few_seeds_can_give() -> None:
    assert "94%" in result_rows([], 5)[0][2]
    assert "98%" in result_rows([], 10)[0][2]


def test_one_seed_has_no_interval() -> None:
    head, row = result_rows([standing("a", 1.0)], 1)
    assert (head[2], row[2]) == ("fresh-seed score", "1.000")


def test_emitters_are_compared_per_evaluation_and_the_unused_are_left_out() -> None:
    used = EmitterStanding(evaluated=50, scored=40, cells=5, improved=10, qd=6.0, best=0.02)
    unused = EmitterStanding(0, 0, 0, 0, 0.0, 0.0)
    rows = emitter_rows([standing("a", 1.0, symbolic=used, random=unused)])
    assert rows[1:] == [("a", "symbolic", "50", "80%", "5", "10", "12.00", "0.020")]


def test_markdown_has_a_rule_below_its_head_and_one_line_for_each_row() -> None:
    assert markdown([("name", "n"), ("x", "12")]) == "| name | n  |\n| ---- | -- |\n| x    | 12 |\n"
