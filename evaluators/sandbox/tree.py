"""A tree of processes, seen from outside through proc(5). Where there is no /proc there is nothing to see."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def descendants(root: int) -> list[int]:
    """The living processes below one, parents before their children."""
    found: list[int] = []
    pending = [root]
    while pending:
        children = _children(pending.pop())
        pending += children
        found += [pid for pid in children if is_alive(pid)]
    return found


def resident_bytes(pid: int) -> int:
    """Memory that a process holds and that no file backs; 0 if it is gone."""
    lines = (line.split() for line in _read(PROC / str(pid) / "status").splitlines())
    return sum(int(words[1]) for words in lines if words[0] in ("RssAnon:", "RssShmem:")) * 1024


def command(pid: int) -> str:
    """The command line of a process; empty if it is gone."""
    return _read(PROC / str(pid) / "cmdline")


def _children(pid: int) -> list[int]:
    try:
        threads = list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return []
    return [int(child) for thread in threads for child in _read(thread / "children").split()]


def is_alive(pid: int) -> bool:
    """Not gone, and no zombie that only waits to be counted."""
    state = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return bool(state) and state[0] not in ("Z", "X")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
