"""A run on disk: `runs/<name>/` with its configuration and, unless a database is named, its archive `run.db`."""

from __future__ import annotations

import fcntl
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from archive.records import RunInfo
from archive.store import RunStore, Store
from discovery.config import Config, load
from discovery.plain_yaml import dump

_CONFIG = "config.yaml"
_DATABASE = "run.db"
_LOCK = "lock"
_VERSIONS_OF = ("savanna-discovery", "torch", "numpy", "ray", "scikit-learn")


class RunError(RuntimeError):
    """A run that cannot be made or found; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Run:
    """An open run."""

    name: str
    folder: Path
    config: Config
    store: RunStore


def create(config: Config, runs: Path) -> Run:
    """Make the folder and the archive of a new run.

    A name that is taken gets a number behind it: no run is ever overwritten.
    """
    name = _free_name(config.name, runs)
    config = config.model_copy(update={"name": name})
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / _CONFIG).write_text(dump(config.dump()), encoding="utf-8")
    store = Store.create(_url(config, folder))
    return Run(name, folder, config, store.add_run(RunInfo(name, config.dump(), datetime.now(UTC), _versions())))


def open_run(name: str, runs: Path) -> Run:
    """Open a run that exists.

    Raises:
        RunError: There is none of this name.
    """
    folder = runs / name
    if not (folder / _CONFIG).is_file():
        known = names(runs)
        there = f"There are: {', '.join(known)}." if known else "There are none yet: discover run CONFIG makes one."
        raise RunError(f"There is no run {name!r} in {runs}. {there}")
    config = load(folder / _CONFIG)
    return Run(name, folder, config, Store.open(_url(config, folder)).run(name))


@contextmanager
def exclusive(run: Run) -> Iterator[None]:
    """Hold a run for one driver; the lock goes away with the process, however it ends.

    Raises:
        RunError: Another process drives this run.
    """
    with (run.folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"Another process is working on the run {run.name!r}; wait for it or stop it.") from None
        yield


def names(runs: Path) -> list[str]:
    """The runs in a folder, by name."""
    return sorted(path.parent.name for path in runs.glob(f"*/{_CONFIG}"))


def _free_name(name: str, runs: Path) -> str:
    taken = {path.name for path in runs.iterdir()} if runs.is_dir() else set()
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _url(config: Config, folder: Path) -> str:
    return config.archive.url or f"sqlite:///{folder / _DATABASE}"


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _VERSIONS_OF}}
