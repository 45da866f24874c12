from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from evaluators.sandbox import paths
from evaluators.sandbox.levels import Level

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


def visible(path: Path) -> bool:
    shown = paths.readable(paths.import_path(), gpu=False)
    return any(path.resolve().is_relative_to(folder) for folder in shown)


def test_a_worker_sees_the_packages_it_runs_and_no_others() -> None:
    assert visible(paths.ROOT / "programs" / "parse.py")
    assert visible(paths.ROOT / "evaluators" / "evaluate.py")
    for name in ("archive", "discovery", "runs", "pyproject.toml", ".git"):
        assert not visible(paths.ROOT / name)


def test_a_worker_sees_python_and_not_the_home_it_may_lie_in() -> None:
    assert visible(Path(sys.executable))
    assert visible(Path(sys.base_prefix))
    for secret in (Path.home() / ".ssh", Path("/etc/passwd"), Path("/proc/self/environ"), Path("/dev/shm")):
        assert not visible(secret)


def test_more_folders_to_import_from_are_seen(tmp_path: Path) -> None:
    folders = paths.import_path([tmp_path])
    assert str(tmp_path) in folders
    assert tmp_path.resolve() in paths.readable(folders, gpu=False)


def test_below_namespaces_proc_shows_the_processor_and_no_process() -> None:
    assert all(path.is_file() for path in paths.proc(Level.CONFINED, gpu=False))
    assert paths.proc(Level.NAMESPACES, gpu=False) == [Path("/proc")]


def test_devices_are_those_of_every_unix_without_a_gpu() -> None:
    assert {path.name for path in paths.devices(gpu=False)} == {"null", "zero", "full", "random", "urandom"}


@given(st.lists(PATHS))
def test_outermost_covers_everything_once(found: list[Path]) -> None:
    kept = paths.outermost(found)
    for path in found:
        assert sum(path.is_relative_to(folder) for folder in kept) == 1
    assert set(kept) <= set(found)


def test_links_lead_from_every_name_to_the_file_itself(tmp_path: Path) -> None:
    real = tmp_path / "versions" / "3.11.9" / "bin" / "python"
    real.parent.mkdir(parents=True)
    real.touch()
    (tmp_path / "versions" / "3.11").symlink_to("3.11.9")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to("python3")
    (tmp_path / "bin" / "python3").symlink_to(tmp_path / "versions" / "3.11" / "bin" / "python")
    found = {str(link.relative_to(tmp_path)): target for link, target in paths.links([tmp_path / "bin" / "python"])}
    assert found == {
        "bin/python": "python3",
        "bin/python3": str(tmp_path / "versions" / "3.11" / "bin" / "python"),
        "versions/3.11": "3.11.9",
    }


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert len(list(paths.links([tmp_path / "a"]))) == 2


def test_scratch_is_no_place_that_is_shown() -> None:
    assert paths.SCRATCH not in paths.readable(paths.import_path(), gpu=False)
