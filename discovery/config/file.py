"""A configuration before it is checked: plain data from a file and `--set` options, each value with its place."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from discovery.plain_yaml import KeyPath, parse

_OVERRIDE = re.compile(r"\s*(\w+(?:\.\w+)*)\s*=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: a line of a file, or an option of the command line, which has no line."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration.

    Attributes:
        place: Where it was written.
        key: The dotted key to blame; empty where there is none.
        message: What was found and what was expected.
    """

    place: Place
    key: str
    message: str

    def __str__(self) -> str:
        named = not self.key or self.place.source.startswith(f"--set {self.key}=")
        return f"{self.place}: {self.message}" if named else f"{self.place}: {self.key}: {self.message}"


class ConfigError(ValueError):
    """A configuration that cannot be used. The text lists everything that is wrong, one line each.

    Attributes:
        problems: The same as data, in the order of the file, then of the options.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.place.line is None, problem.place.line)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Document:
    """Plain data with the place of every key.

    Attributes:
        data: Mappings, lists and scalars.
        places: Where keys and list items were written; the root is always there.
        problems: What is wrong with the form; what could be read is in `data` all the same.
    """

    data: dict[str, Any]
    places: dict[KeyPath, Place]
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> Place:
        """Where a key was written, or else the section that lacks it."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def override(self, text: str) -> None:
        """Replace one value as `key.path=value` says; the value is YAML, and items of lists are counted from 0."""
        place = Place(f"--set {text}")
        match = _OVERRIDE.fullmatch(text)
        if match is None:
            self.problems.append(Problem(place, "", "expected key.path=value"))
            return
        path: KeyPath = tuple(int(part) if part.isdecimal() else part for part in match[1].split("."))
        parsed = parse(match[2])
        if parsed.mistakes:
            self.problems += [Problem(place, dotted((*path, *bad.path)), bad.message) for bad in parsed.mistakes]
            return
        section: Any = self.data
        for depth, name in enumerate(path[:-1], start=1):
            inside: Any = section.get(name) if isinstance(section, dict) else section[name]
            following = path[depth]
            if isinstance(following, int) and not (isinstance(inside, list) and following < len(inside)):
                self.problems.append(Problem(place, "", f"there is no {dotted(path[: depth + 1])}"))
                return
            if inside is None:
                section[name] = inside = {}
                self.places[path[:depth]] = place
            section = inside
            if not isinstance(section, dict | list) or (isinstance(section, list) and isinstance(following, str)):
                self.problems.append(Problem(place, "", f"{dotted(path[:depth])} is a value, not a section"))
                return
        section[path[-1]] = parsed.value
        self.places = {known: at for known, at in self.places.items() if known[: len(path)] != path} | {path: place}


def read(path: Path) -> Document:
    """The content of a file.

    Raises:
        ConfigError: There is no such file, or nothing in it can be read.
    """
    source = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(Place(source), "", _unreadable(path, error))]) from None
    try:
        parsed = parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(Place(source, line), "", "not UTF-8 text")]) from None
    places = {inner: Place(source, line) for inner, line in parsed.lines.items()} | {(): Place(source, 1)}
    problems = [Problem(Place(source, bad.line), dotted(bad.path), bad.message) for bad in parsed.mistakes]
    if parsed.value is None and problems:
        raise ConfigError(problems)
    if parsed.value is not None and not isinstance(parsed.value, dict):
        raise ConfigError([*problems, Problem(places[()], "", "expected keys and values")])
    return Document(parsed.value or {}, places, problems)


def _unreadable(path: Path, error: OSError) -> str:
    if path.is_dir():
        return "is a folder; expected a YAML file"
    if path.exists():
        return f"cannot be read: {error.strerror}"
    close = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.yaml")], n=1)
    return "no such file" + (f"; did you mean {path.parent / close[0]}?" if close else "")


def dotted(path: KeyPath) -> str:
    """A path as a person writes it: `evaluation.tasks[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
