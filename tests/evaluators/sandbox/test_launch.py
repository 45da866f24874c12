from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from evaluators.sandbox import namespaces
from evaluators.sandbox.launch import launch
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits
from evaluators.sandbox.paths import ROOT

LEVELS = [Level.LIMITS, Level.CONFINED, *([Level.NAMESPACES] if namespaces.candidates() else [])]


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_nothing_of_our_environment_comes_along(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("HOME", "where we live")
    found = launch(level, "module", Limits())
    assert "secret" not in str(found)
    assert "where we live" not in str(found)


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_gpus_are_hidden_until_asked_for(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert launch(level, "module", Limits()).env["CUDA_VISIBLE_DEVICES"] == ""
    assert launch(level, "module", Limits(), gpu=True).env["CUDA_VISIBLE_DEVICES"] == "3"


def test_level_0_starts_no_process() -> None:
    with pytest.raises(SandboxError, match="level 0"):
        launch(Level.IN_PROCESS, "module", Limits())


def test_a_child_imports_from_the_packages_and_the_folders_given_and_not_from_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import os, sys, evaluators\nprint(os.getcwd(), sys.argv[1:], '' in sys.path)")
    child = launch(Level.LIMITS, "helper", Limits(), arguments=["a", "b"], sources=[tmp_path])
    assert str(ROOT) in child.env["PYTHONPATH"]
    with child.start(stdout=subprocess.PIPE) as process:
        assert process.communicate()[0].decode().split("\n")[0] == "/ ['a', 'b'] False"
        assert process.returncode == 0


def test_a_child_has_a_session_of_its_own_so_that_it_can_be_killed_with_all_it_started(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import os\nprint(os.getsid(0) == os.getpid() == os.getpgid(0))")
    with launch(Level.LIMITS, "helper", Limits(), sources=[tmp_path]).start(stdout=subprocess.PIPE) as process:
        assert process.communicate()[0] == b"True\n"


def test_a_child_inherits_no_file_but_those_passed(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import os, sys\nos.fstat(int(sys.argv[1]))")
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    try:
        start = launch(Level.LIMITS, "helper", Limits(), arguments=[str(reader)], sources=[tmp_path]).start
        with start(stderr=subprocess.DEVNULL) as without, start(pass_fds=[reader]) as with_it:
            assert without.wait() == 1
            assert with_it.wait() == 0
    finally:
        os.close(reader)
        os.close(writer)
