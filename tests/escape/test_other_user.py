"""The same as a user without privileges, when these tests are run by root."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evaluators.sandbox import namespaces
from evaluators.sandbox.levels import Level
from evaluators.sandbox.privileges import NOBODY

ROOT = Path(__file__).parents[2]

TESTS = [
    "tests/escape",
    *(f"tests/evaluators/sandbox/test_{name}.py" for name in ["enter", "launch", "namespaces", "survey"]),
]

AS_NOBODY = f"""
import os, sys
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[1:]])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as a user without privileges already")
def test_all_of_this_holds_for_a_user_without_privileges(needs: Callable[[Level], None], tmp_path: Path) -> None:
    needs(Level.NAMESPACES)
    environment = {name: os.environ[name] for name in ("PATH", "CI", "SAVANNA_REQUIRE_LEVEL") if name in os.environ}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--ignore={__file__}"]
    done = subprocess.run(
        opened([sys.executable, "-c", AS_NOBODY, *options, *TESTS]),
        cwd=ROOT,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def opened(command: Sequence[str]) -> list[str]:
    """The command in a view of the file system where nobody is kept from the interpreter and the sources by a closed
    folder above them, as the home of root is."""
    needed = [Path(path) for path in (sys.prefix, sys.base_prefix, ROOT)]
    closed = {folder for path in needed for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH}
    words = [namespaces.working(), "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--dev-bind", "/", "/"]
    for folder in sorted(closed):
        words += ["--perms", "0755", "--tmpfs" if closed.isdisjoint(folder.parents) else "--dir", str(folder)]
    for path in needed:
        if not closed.isdisjoint(path.parents):
            for folder in reversed(path.parents):
                if not closed.isdisjoint(folder.parents) and folder not in closed:
                    words += ["--perms", "0755", "--dir", str(folder)]
            words += ["--ro-bind", str(path), str(path)]
    return [*words, "--die-with-parent", "--chdir", str(ROOT), "--", *command]
