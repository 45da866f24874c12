"""What pydantic found wrong with a configuration, in the words and at the lines of the person who wrote it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from discovery.config.file import Document, Problem, dotted
from discovery.plain_yaml import KeyPath

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text, quoted if need be",
    "tuple_type": "a list",
    "model_type": "keys and values",
    "literal_error": "{expected}",
    "greater_than": "a number above {gt:.10g}",
    "greater_than_equal": "a number of at least {ge:.10g}",
    "less_than_equal": "a number of at most {le:.10g}",
    "too_short": "a list that is not empty",
}
_LONGEST_QUOTE = 60


def explain(error: ValidationError, document: Document, model: type[BaseModel]) -> Iterator[Problem]:
    """One problem for each key of the document that breaks the model."""
    by_path: dict[KeyPath, list[Mapping[str, Any]]] = {}
    for details in error.errors():
        by_path.setdefault(_path(details, document.data), []).append(details)
    for path, found in by_path.items():
        # A wrong item also fails its list as a whole, and every alternative to a list; only the item is to blame.
        if not any(other[: len(path)] == path and len(other) > len(path) for other in by_path):
            yield Problem(document.place(path), dotted(path), _message(path, found, model))


def _path(details: Mapping[str, Any], data: Any) -> KeyPath:
    """Where in the document an error is; pydantic's names for the alternatives of a type are left out."""
    path: KeyPath = ()
    for part in details["loc"]:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if inside:
            path, data = (*path, part), data[part]
    return (*path, details["loc"][-1]) if details["type"] == "missing" else path


def _message(path: KeyPath, found: list[Mapping[str, Any]], model: type[BaseModel]) -> str:
    first = found[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key, {_suggestion(path, list(_keys(model)))}"
    if first["type"] == "missing":
        return "required, but missing"
    for each in found:
        if each["type"] == "value_error":
            return str(each["ctx"]["error"])
    expected = [_EXPECTED[each["type"]].format_map(each.get("ctx", {})) for each in found]
    return f"expected {' or '.join(expected)}, found {quote(first['input'])}"


def quote(value: Any) -> str:
    """A value as it might stand in the file, cut where it gets long."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _keys(model: type[BaseModel], above: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key that the model knows, sections included; those of the items of a list stand under the item 0."""
    for name, info in model.model_fields.items():
        yield (*above, name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _keys(info.annotation, (*above, name))
        for item in _item_models(info.annotation):
            yield from _keys(item, (*above, name, 0))


def _item_models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections that a list may be made of."""
    for part in get_args(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part
        yield from _item_models(part)


def _suggestion(path: KeyPath, known: list[KeyPath]) -> str:
    """The key that was meant: one of a similar name here, or one of the same name in another section."""
    *section, name = path
    alike = [0 if isinstance(part, int) else part for part in section]
    here = [str(key[-1]) for key in known if list(key[:-1]) == alike]
    elsewhere = [dotted(key) for key in known if key[-1] == name and 0 not in key]
    # A namesake elsewhere is a good guess already; something similar here has to be closer to stand beside it.
    similar = difflib.get_close_matches(str(name), here, n=1, cutoff=0.75 if elsewhere else 0.6)
    if similar or elsewhere:
        return f"did you mean {' or '.join([*(dotted((*section, close)) for close in similar), *elsewhere])}?"
    return f"expected one of {', '.join(here)}"
