"""A run on disk: `runs/<name>/` with its configuration and, unless a database is named, its archive `run.db`."""

from __future__ import annotations

import fcntl
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from archive.errors import AlreadyExistsError
from archive.records import RunInfo
from archive.store import RunStore, Store
from discovery.config import Config, load
from discovery.config_types import LONGEST_NAME
from discovery.plain_yaml import dump
from programs.errors import suggest

_CONFIG = "config.yaml"
_DATABASE = "run.db"
_LOCK = "lock"
_FREE_TO_CHANGE = frozenset({"name", "budget", "executor"})
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

    A name that is taken gets a number behind it: no run is ever overwritten. A run that cannot be made whole leaves
    nothing behind.

    Raises:
        ArchiveError: The archive cannot be made, or has a run of this name already.
        RunError: The database named cannot be an archive.
        OSError: The folder cannot be made or written.
    """
    folder = _new_folder(config.name, runs)
    config = config.model_copy(update={"name": folder.name})
    draft = folder / f".{_CONFIG}"
    try:
        draft.write_text(dump(config.dump()), encoding="utf-8")
        info = RunInfo(folder.name, config.dump(), datetime.now(UTC), _versions())
        store = _archive(config, folder, new=True).add_run(info)
        draft.rename(folder / _CONFIG)  # only now is it a run
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Run(folder.name, folder, config, store)


def open_run(name: str, runs: Path) -> Run:
    """Open a run that exists.

    Raises:
        RunError: There is none of this name.
    """
    folder = runs / name
    if not (folder / _CONFIG).is_file():
        known = names(runs)
        there = suggest(name, known) if known else "There are none yet: discover run CONFIG makes one."
        raise RunError(f"There is no run {name!r} in {runs}. {there}")
    config = load(folder / _CONFIG)
    return Run(name, folder, config, _archive(config, folder, new=False).run(config.name))


def check_unchanged(run: Run) -> None:
    """Let a search go on only with the configuration that it was started with; budget and executor are free.

    Raises:
        RunError: Something else was changed, which the archive already depends on.
    """
    before = Config.model_validate(run.store.info.config)
    keys = [key for key in Config.model_fields if key not in _FREE_TO_CHANGE]
    changed = [key for key in keys if getattr(run.config, key) != getattr(before, key)]
    if changed:
        raise RunError(
            f"{run.folder / _CONFIG} is not what the run was started with: {', '.join(changed)}. Only budget and "
            "executor may change; put the rest back, or start another run."
        )


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


def _new_folder(name: str, runs: Path) -> Path:
    """A folder that nobody else has: its making is what claims the name."""
    runs.mkdir(parents=True, exist_ok=True)
    folder, number = runs / name, 1
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            suffix = f"-{number}"
            folder = runs / f"{name[: LONGEST_NAME - len(suffix)]}{suffix}"
        else:
            return folder


def _archive(config: Config, folder: Path, *, new: bool) -> Store:
    """The archive of a run: a file of its own, or the database named, which other runs may share."""
    url = config.archive.url or folder / _DATABASE
    try:
        return Store.create(url) if new else Store.open(url)
    except AlreadyExistsError:
        return Store.open(url)
    except ValueError as error:
        raise RunError(f"archive.url: {error}") from error


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _VERSIONS_OF}}
