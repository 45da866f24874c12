"""YAML as plain data that remembers where every key stands, so that a mistake can be shown at its line.

Scalars are read as in YAML 1.2, whatever the library's default: `1e-3` is a number; `on`, `no` and dates are text.
Anchors, tags and merges have no use in a configuration and are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]
"""The keys and list indices that lead to a value."""

_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"(?=.*[.eE])[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with the form of a text; `line` counts from 1."""

    line: int
    path: KeyPath
    message: str


@dataclass(slots=True)
class Parsed:
    """What a text says.

    Attributes:
        value: Mappings, lists and scalars; whatever could be read in spite of the mistakes.
        lines: The line of each key and list item, from 1.
        mistakes: What is wrong with the form.
    """

    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def parse(text: str) -> Parsed:
    """Read one YAML document. What is wrong with it is in the result, never raised."""
    parsed = Parsed()
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if refused := _refused(event):
                parsed.mistakes.append(Mistake(_line(event.start_mark), (), f"not supported here: {refused}"))
        if not parsed.mistakes:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            parsed.value = None if node is None else _value(node, (), parsed)
    except yaml.MarkedYAMLError as error:
        said = ", ".join(filter(None, [error.context, error.problem]))
        parsed.mistakes.append(Mistake(_line(error.problem_mark or error.context_mark), (), f"not YAML: {said}"))
    except yaml.YAMLError as error:
        parsed.mistakes.append(Mistake(1, (), f"not YAML: {error}"))
    except RecursionError:
        parsed.mistakes.append(Mistake(1, (), "nested too deeply"))
    return parsed


def dump(value: Any) -> str:
    """Plain data as a text that `parse` reads back equal."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False)


class _Dumper(yaml.SafeDumper):
    """Quotes what the library takes for text and `parse` does not, such as `1e3`; writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the same for all data
        return True

    def represent_text(self, text: str) -> yaml.Node:
        style = None if _plain(text) == text else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)


def _refused(event: yaml.Event) -> str:
    """What an event has to do with more than plain data; empty if nothing."""
    for feature in ("anchor", "tag"):
        name = getattr(event, feature, None)
        if name is not None:
            return f"{feature} {name!r}"
    if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
        return "half a character (surrogate)"
    return ""


def _value(node: yaml.Node, path: KeyPath, parsed: Parsed) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, parsed)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            parsed.lines[*path, index] = _line(item.start_mark)
            items.append(_value(item, (*path, index), parsed))
        return items
    quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
    return node.value if quoted else _plain(node.value)


def _mapping(node: yaml.MappingNode, path: KeyPath, parsed: Parsed) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = _line(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            parsed.mistakes.append(Mistake(line, path, "a key must be a single word"))
            continue
        inner = (*path, key_node.value)
        if inner in parsed.lines:
            parsed.mistakes.append(Mistake(line, inner, f"given twice, first on line {parsed.lines[inner]}"))
            continue
        parsed.lines[inner] = line
        mapping[key_node.value] = _value(value_node, inner, parsed)
    return mapping


def _line(mark: Any) -> int:
    return 1 if mark is None else int(mark.line) + 1


def _plain(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
