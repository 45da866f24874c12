"""A folder for what is compiled once on a machine and used by many runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class CacheError(RuntimeError):
    """There is no place where compiled code could be kept, and why."""


def folder() -> Path:
    """A folder of the user's own, where nobody else can leave code.

    Raises:
        CacheError: There is none.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    try:
        chosen = (Path(home) if home.startswith("/") else Path.home() / ".cache") / "savanna"
    except RuntimeError as error:  # There is no home.
        raise CacheError(f"what is compiled has no place to be kept: {error}") from None
    if not chosen.is_absolute():
        raise CacheError(f"what is compiled has no place to be kept: {chosen} is no absolute path")
    try:
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = chosen.stat()
    except OSError as error:
        raise CacheError(f"what is compiled cannot be kept: {error}") from None
    if state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise CacheError(f"{chosen} can be written to by others than this user")
    return chosen


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time: the others wait for what is made instead of making it once more."""
    import fcntl  # Windows has none, and may still import this module.

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
