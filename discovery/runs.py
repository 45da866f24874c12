"""A run on disk: `runs/<name>/` with its configuration and, unless a database is named, its archive `run.db`."""

from __future__ import annotations

import fcntl
import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from archive.errors import AlreadyExistsError
from archive.records import MAIN_DRIVER, RunInfo
from archive.store import RunStore, Store
from discovery.config import (
    BreakerConfig,
    BudgetConfig,
    Config,
    EmittersConfig,
    LimitsConfig,
    ModelConfig,
    load,
)
from discovery.config.types import LONGEST_NAME
from discovery.plain_yaml import dump
from discovery.scheduling.ladder import extends
from programs.errors import suggest

_CONFIG = "config.yaml"
_DATABASE = "run.db"
_LOCK = "lock"
_FREE_TO_CHANGE = frozenset({"name", "budget", "executor", "store"})
_FREE_OF_MODELS = ("base_url", "api_key_env", "api_key_file", "concurrency", "deadline", "retries")
_VERSIONS_OF = ("savanna-discovery", "torch", "numpy", "ray", "scikit-learn", "openai")


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


def copy_from(url: str, name: str, runs: Path) -> None:
    """Make the folder of a run that another machine started, so that this one can work on it and look into it.

    Raises:
        ArchiveError: There is no archive at `url`, or no such run in it.
        RunError: The database named cannot be an archive, or there is another run of this name here.
        OSError: The folder cannot be made or written.
    """
    folder = runs / name
    with _open(url) as store:
        config = Config.model_validate(store.run(name).info.config)
    config = config.model_copy(update={"archive": config.archive.model_copy(update={"url": url})})
    runs.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        raise RunError(f"{folder} is in the way: leave --url out to join that run, or choose another --runs.") from None
    draft = folder / f".{_CONFIG}"
    draft.write_text(dump(config.dump()), encoding="utf-8")
    draft.rename(folder / _CONFIG)


def open_run(name: str, runs: Path, overrides: Sequence[str] = ()) -> Run:
    """Open a run that exists, with some keys of its configuration as they are to be in this process alone.

    Raises:
        ConfigError: Its configuration cannot be read, or it or the overrides are wrong.
        RunError: There is none of this name.
    """
    folder = runs / name
    if not (folder / _CONFIG).is_file():
        known = names(runs)
        there = suggest(name, known) if known else "There are none yet: discover run CONFIG makes one."
        raise RunError(f"There is no run {name!r} in {runs}. {there}")
    config = load(folder / _CONFIG, overrides)
    return Run(name, folder, config, _archive(config, folder, new=False).run(config.name))


def give_budget(run: Run, budget: BudgetConfig) -> Run:
    """Write another budget into the configuration of a run that exists, for the next `discover resume` to find."""
    config = run.config.model_copy(update={"budget": budget})
    draft = run.folder / f".{_CONFIG}"
    draft.write_text(dump(config.dump()), encoding="utf-8")
    draft.rename(run.folder / _CONFIG)
    return replace(run, config=config)


def check_unchanged(run: Run) -> None:
    """Let a search go on only with the configuration that it was started with.

    Budget, executor and store are free, and so are the places, keys and limits of language models. Rungs may be added
    on top of those that there are.

    Raises:
        RunError: Something else was changed, which the archive already depends on.
    """
    before = Config.model_validate(run.store.info.config)
    # Databases and servers may move, and more may be spent on calls.
    archive = run.config.archive.model_copy(update={"url": before.archive.url})
    now = run.config.model_copy(update={"archive": archive, "emitters": _anywhere(run.config.emitters)})
    before = before.model_copy(update={"emitters": _anywhere(before.emitters)})
    keys = [key for key in Config.model_fields if key not in _FREE_TO_CHANGE]
    changed = [key for key in keys if getattr(now, key) != getattr(before, key)]
    if "evaluation" in changed and extends(run.config.evaluation, before.evaluation):
        changed.remove("evaluation")
    if changed:
        raise RunError(
            f"{run.folder / _CONFIG} is not what the run was started with: {', '.join(changed)}. Only budget, executor "
            "and store may change, and evaluation.rungs may get more; put the rest back, or start another run."
        )


def _anywhere(emitters: EmittersConfig) -> EmittersConfig:
    """The emitters without where their language models live, how patiently they are called, and what may be spent."""
    free = {name: ModelConfig.model_fields[name].default for name in _FREE_OF_MODELS}
    models = tuple(model.model_copy(update=free) for model in emitters.llm.models)
    llm = emitters.llm.model_copy(update={"models": models, "limits": LimitsConfig(), "breaker": BreakerConfig()})
    return emitters.model_copy(update={"llm": llm})


@contextmanager
def exclusive(run: Run, driver: str = MAIN_DRIVER) -> Iterator[None]:
    """Hold the name of a driver for one process here; the lock goes away with the process, however it ends.

    Raises:
        RunError: Another process drives this run under this name.
    """
    other_name = "" if driver == MAIN_DRIVER else f" as {driver!r}: choose another --driver,"
    with (run.folder / (_LOCK if driver == MAIN_DRIVER else f"{_LOCK}-{driver}")).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"Another process is working on the run {run.name!r}{other_name or ';'} wait for it or stop it."
            ) from None
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
    if not new:
        return _open(url)
    try:
        return Store.create(url)
    except AlreadyExistsError:
        return _open(url)
    except ValueError as error:
        raise RunError(f"archive.url: {error}") from error


def _open(url: str | Path) -> Store:
    try:
        return Store.open(url)
    except ValueError as error:
        raise RunError(f"archive.url: {error}") from error


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _VERSIONS_OF}}
