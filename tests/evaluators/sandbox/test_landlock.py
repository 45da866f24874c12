from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.sandbox import landlock, privileges
from evaluators.sandbox.enter import has_landlock
from evaluators.sandbox.trial import in_fork

pytestmark = [
    pytest.mark.skipif(not has_landlock(), reason="the kernel has no Landlock"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

needs_scopes = pytest.mark.skipif(
    not has_landlock() or landlock.version() < landlock.SCOPES_SINCE, reason="Landlock here has no scopes"
)


def restricted(action: Callable[[], object], *rules: tuple[Path, landlock.Access]) -> str:
    """Why an action fails under these rules, empty where it does not."""

    def run() -> None:
        privileges.no_new_privileges()
        landlock.restrict(rules)
        action()

    return in_fork(run)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("text", encoding="ascii")
    return tmp_path / "file"


def test_nothing_can_be_read_that_no_rule_allows(file: Path) -> None:
    assert "Permission denied" in restricted(file.read_bytes)
    assert "Permission denied" in restricted(lambda: list(file.parent.iterdir()))


@pytest.mark.parametrize("above", [0, 1], ids=["the file", "its folder"])
def test_what_a_rule_allows_to_read_can_be_read_and_not_written(file: Path, above: int) -> None:
    rule = ([file, *file.parents][above], landlock.READ)
    assert restricted(file.read_bytes, rule) == ""
    assert "Permission denied" in restricted(lambda: file.write_bytes(b""), rule)
    assert "Permission denied" in restricted(lambda: os.truncate(file, 0), rule)
    assert "Permission denied" in restricted(file.unlink, rule)
    assert file.read_text(encoding="ascii") == "text"


def test_a_scratch_folder_can_be_used_as_usual(file: Path) -> None:
    def use() -> None:
        (file.parent / "folder").mkdir()
        file.rename(file.parent / "folder" / "moved")
        (file.parent / "folder" / "moved").unlink()
        (file.parent / "folder").rmdir()

    assert restricted(use, (file.parent, landlock.WRITE)) == ""


def test_nothing_can_be_executed(file: Path) -> None:
    file.chmod(0o755)
    rule = (file.parent, landlock.WRITE)
    assert "Permission denied" in restricted(lambda: os.execv(file, [str(file)]), rule)


def test_a_rule_on_what_is_not_there_does_no_harm(file: Path) -> None:
    rules = [(file.parent / "missing", landlock.READ), (file, landlock.READ)]
    assert restricted(file.read_bytes, *rules) == ""


def test_files_that_were_open_before_stay_open(file: Path) -> None:
    with file.open("rb") as opened:
        assert restricted(opened.read) == ""


@pytest.mark.skipif(not has_landlock() or landlock.version() < landlock.NET_SINCE, reason="Landlock here has no ports")
def test_no_port_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()

        def connect() -> None:
            socket.create_connection(address).close()

        assert "Permission denied" in restricted(connect)
        assert in_fork(connect) == ""


@needs_scopes
def test_processes_outside_cannot_be_signalled_and_those_inside_can() -> None:
    assert "Operation not permitted" in restricted(lambda: os.kill(os.getppid(), 0))
    assert restricted(lambda: os.kill(os.getpid(), 0)) == ""


@needs_scopes
def test_a_separated_worker_cannot_touch_its_confined_parent() -> None:
    def have_workers() -> None:
        parent = os.getpid()

        def separated() -> None:
            landlock.separate()
            os.kill(parent, 0)

        found = [in_fork(lambda: os.kill(parent, 0)), in_fork(separated)]
        if found != ["", "[Errno 1] Operation not permitted"]:
            raise OSError(f"the workers met with {found}")

    assert restricted(have_workers) == ""
