from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.native import build
from evaluators.sandbox.paths import ROOT


def child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A new process, in which nothing is loaded yet; this one's library is not handed down."""
    env = {name: value for name, value in os.environ.items() if name not in (build.LIBRARY, "CXX", "SAVANNA_CXX")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**env, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


REASON = "from evaluators.native import build\nprint(build.unavailable())"


def test_it_is_built_where_there_is_a_compiler() -> None:
    assert build.unavailable() == ""
    assert build.library() is not None


def test_a_compiler_that_is_not_there_is_named_and_nothing_else_breaks() -> None:
    for name in ("SAVANNA_CXX", "CXX"):
        done = child(REASON, **{name: "no-such-compiler -O1"})
        assert done.stdout.strip() == f"{name} names a C++ compiler that is not here: no-such-compiler"


def test_without_any_compiler_the_reason_says_what_was_looked_for(tmp_path: Path) -> None:
    assert "no C++ compiler is installed" in child(REASON, PATH=str(tmp_path)).stdout


def test_a_compiler_that_fails_is_quoted(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    broken.chmod(0o755)
    assert "does not work: out of order" in child(REASON, SAVANNA_CXX=str(broken)).stdout
    # One that can say what it is and compiles nothing.
    broken.write_text('#!/bin/sh\ncase "$*" in *-E*) exit 0;; esac\necho out of order >&2\nexit 3\n')
    assert "failed: out of order" in child(REASON, SAVANNA_CXX=str(broken), XDG_CACHE_HOME=str(tmp_path)).stdout
    assert list((tmp_path / "savanna").glob("*.so")) == []


def test_an_update_without_the_library_says_why() -> None:
    code = (
        "from evaluators.bytecode import compile\nfrom evaluators.native.update import Update\n"
        "from programs import zoo\nfrom programs.layout import Layout\n"
        "Update(compile(zoo.load('sgd'), Layout.of([(3,)])))"
    )
    assert "BuildError: SAVANNA_CXX names a C++ compiler" in child(code, SAVANNA_CXX="no-such-compiler").stderr


def test_a_process_that_is_given_a_library_builds_none(tmp_path: Path) -> None:
    given = str(build.library())
    settings = {"SAVANNA_CXX": "no-such-compiler", "XDG_CACHE_HOME": str(tmp_path)}
    assert child(REASON, **settings, **{build.LIBRARY: given}).stdout.strip() == ""
    assert "has no library" in child(REASON, **settings, **{build.LIBRARY: ""}).stdout
    assert "does not load" in child(REASON, **settings, **{build.LIBRARY: str(tmp_path / "none.so")}).stdout


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "savanna").mkdir()
    (tmp_path / "savanna").chmod(0o777)
    assert "can be written to by others" in child(REASON, XDG_CACHE_HOME=str(tmp_path)).stdout


def test_processes_that_start_together_make_one_library(tmp_path: Path) -> None:
    """With a compiler that notes how often it links, and hands over a library that is there already."""
    count, fake = tmp_path / "count", tmp_path / "fake"
    fake.write_text(
        f'#!/bin/sh\nout=""\nfor word; do last="$out"; out="$word"; done\n'
        f'case "$*" in *-shared*|*-dynamiclib*) echo x >> {count}; sleep 0.3; cp {build.library()} "$out";; '
        f'*-E*) ;; *) : > "$out";; esac\n'
    )
    fake.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SAVANNA_CXX": str(fake), "XDG_CACHE_HOME": str(tmp_path)}
    env.pop(build.LIBRARY, None)
    code = f"{REASON}\nprint(build.library().parent)"
    started = [subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE) for _ in range(4)]
    outputs = [process.communicate()[0].decode().split() for process in started]
    assert outputs == [[str(tmp_path / "savanna")]] * 4
    assert count.read_text().split() == ["x"]
    assert len(list((tmp_path / "savanna").glob("*.so"))) == 1
