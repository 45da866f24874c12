from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from discovery.race.curves import Course
from discovery.race.plot import plot


def course(*best: float) -> Course:
    ones = tuple(1.0 for _ in best)
    return Course(best, ones, ones, {}, None)


def text(path: Path) -> str:
    return " ".join(ElementTree.parse(path).getroot().itertext())


def test_the_same_race_gives_the_same_file(tmp_path: Path) -> None:
    courses = {"mine": [course(1.0, 1.1, 1.2), course(1.0, 1.0, 1.3)], "random": [course(1.0, 1.0, 1.0)] * 2}
    for name in ("one.svg", "other.svg"):
        plot(courses, ["random"], tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()
    assert "<svg" in (tmp_path / "one.svg").read_text()


def test_runs_that_are_not_equally_long_are_drawn_as_far_as_all_of_them_go(tmp_path: Path) -> None:
    plot({"mine": [course(1.0, 1.1), course(1.0, *[1.2] * 900)]}, [], tmp_path / "race.png")
    assert (tmp_path / "race.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("library", ["matplotlib", "torch"])
def test_commands_that_draw_and_train_nothing_do_not_wait_for_it(library: str) -> None:
    code = f"import sys, discovery.cli; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
