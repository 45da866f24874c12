"""Random texts that a grammar in GBNF lets through: literals, character classes, groups, choices and `?`."""

from __future__ import annotations

import re

import numpy as np

_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\[[^\]]*\]|[()|?]|[A-Za-z][A-Za-z0-9-]*')


def derive(grammar: str, rng: np.random.Generator) -> str:
    """One text, from the rule `root`."""
    rules = {name: _WORD.findall(body) for name, _, body in (row.partition(" ::= ") for row in grammar.splitlines())}
    return _choice(rules, rules["root"], rng)


def _choice(rules: dict[str, list[str]], words: list[str], rng: np.random.Generator) -> str:
    options: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == "|" and depth == 0:
            options.append([])
        else:
            options[-1].append(word)
    return _sequence(rules, options[int(rng.integers(len(options)))], rng)


def _sequence(rules: dict[str, list[str]], words: list[str], rng: np.random.Generator) -> str:
    text, at = "", 0
    while at < len(words):
        end = at + 1
        if words[at] == "(":
            depth = 1
            while depth:
                depth += {"(": 1, ")": -1}.get(words[end], 0)
                end += 1
        optional = end < len(words) and words[end] == "?"
        if not optional or rng.random() < 0.5:
            text += _item(rules, words[at:end], rng)
        at = end + optional
    return text


def _item(rules: dict[str, list[str]], words: list[str], rng: np.random.Generator) -> str:
    word = words[0]
    if word == "(":
        return _choice(rules, words[1:-1], rng)
    if word[0] == '"':
        return word[1:-1].replace("\\n", "\n")
    if word[0] == "[":
        low, _, high = word[1:-1].partition("-")
        return chr(int(rng.integers(ord(low), ord(high or low) + 1)))
    return _choice(rules, rules[word], rng)
