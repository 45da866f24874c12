from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluators.sandbox import namespaces, paths
from evaluators.sandbox.levels import Level
from evaluators.sandbox.limits import MIB, Limits
from evaluators.sandbox.survey import survey

LOOK = """
import json, os, socket, sys

def can(action):
    try:
        action()
        return True
    except OSError:
        return False

print(json.dumps({
    "root": sorted(os.listdir("/")),
    "project": sorted(os.listdir(sys.argv[1])),
    "network": [name for _, name in socket.if_nameindex()],
    "processes": [int(name) for name in os.listdir("/proc") if name.isdigit()],
    "folder": os.getcwd(),
    "scratch": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize,
    "writable": [path for path in ("/", "/dev", "/usr", sys.argv[1], "/tmp")
                 if can(lambda: os.mkdir(os.path.join(path, "made")))],
    "settings": can(lambda: os.open("/proc/sys/kernel/printk_delay", os.O_WRONLY)),
    "session": os.getsid(0) != int(sys.argv[2]),
}))
"""


@pytest.fixture(scope="module")
def inside() -> dict[str, Any]:
    """What a Python in namespaces sees, before it confines itself."""
    found = survey()
    if found.level < Level.NAMESPACES:
        pytest.skip(found.why_not(Level.NAMESPACES))
    inner = [sys.executable, "-I", "-S", "-c", LOOK, str(paths.ROOT), str(os.getsid(0))]
    limits = Limits(scratch_bytes=16 * MIB)
    done = subprocess.run(
        namespaces.command(inner, limits, paths.import_path(), gpu=False), env={}, capture_output=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_file_system_has_what_is_needed_and_nothing_else(inside: dict[str, Any]) -> None:
    needed = {Path(path).parts[1] for path in (sys.prefix, sys.base_prefix, paths.ROOT)}
    system = {"dev", "etc", "lib", "lib32", "lib64", "nix", "proc", "sys", "tmp", "usr"}
    assert set(inside["root"]) <= needed | system


def test_of_the_project_a_worker_sees_its_own_packages(inside: dict[str, Any]) -> None:
    environment = {Path(sys.prefix).name} if Path(sys.prefix).parent == paths.ROOT else set()
    assert set(inside["project"]) == {"programs", "evaluators"} | environment


def test_the_only_network_is_loopback(inside: dict[str, Any]) -> None:
    assert inside["network"] == ["lo"]


def test_no_process_of_ours_is_seen(inside: dict[str, Any]) -> None:
    assert sorted(inside["processes"]) == [1, 2]


def test_only_scratch_can_be_written_and_it_has_a_size(inside: dict[str, Any]) -> None:
    assert inside["folder"] == "/"
    assert str(paths.SCRATCH) in inside["writable"]
    assert [folder for folder in inside["writable"] if not Path(folder).is_relative_to(paths.SCRATCH)] == []
    assert inside["scratch"] == 16 * MIB


def test_the_settings_of_the_kernel_cannot_be_written_even_by_root(inside: dict[str, Any]) -> None:
    assert inside["settings"] is False


def test_the_terminal_is_out_of_reach(inside: dict[str, Any]) -> None:
    assert inside["session"] is True


def test_the_bundled_program_is_there_wherever_the_system_has_none() -> None:
    assert namespaces.candidates()


def test_a_bubblewrap_that_cannot_do_it_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    before = namespaces.working()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    namespaces.working.cache_clear()
    try:
        assert namespaces.candidates()[0] == str(broken)
        assert namespaces.working() == (before if survey().level == Level.NAMESPACES else str(broken))
    finally:
        namespaces.working.cache_clear()
