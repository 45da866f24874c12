"""Texts made to break the parser: nearly legal, deeply nested, endless, or plain noise. Each family fails elsewhere."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterator
from functools import cache
from random import Random

import numpy as np

from programs import zoo
from programs.generate import random_program
from programs.ir import UPDATE_RULE
from programs.ops import OPS
from programs.scan import MAX_BYTES
from programs.show import show

NUMBERS = (
    *("0", "1", "00", "01", "1_000", "1__0", "_1", "0x1f", "0b1", "0o7", "1j", "1.5J", "1e999", "-1e-999", "5e-324"),
    *(
        "1.",
        ".5",
        ".",
        "..",
        "1..2",
        "1e",
        "1e+",
        "1e-8",
        "1E5",
        "0.0",
        "00.5",
        "0_0",
        "1.e5",
        "1if",
        "9" * 500,
        "1e1_0",
    ),
    *("0." + "9" * 500, "1." + "0" * 300 + "1", "inf", "nan", "Infinity"),
)
WORDS = (
    *OPS,
    *UPDATE_RULE.inputs,
    *keyword.kwlist,
    *keyword.softkwlist,
    *NUMBERS,
    *("f", "m", "v", "x1", "beta", "__debug__", "__class__", "g" * 60, "update"),
    *"()[]{},:;=+-*/.@<>!%&|^~?$\\'\"#`",
    *("**", "//", "==", "->", ":=", "+=", "<<", "...", "'''", 'f"{', "r'", "# note"),
    *("\n", "\n    ", "\n\t", "\r\n", "\r", " ", "\t", "\f", "\v", "\0", "\x1a", "\x1b[2J", "\x85", "\u2028", "\ufeff"),
    *("é", "β", "g", "２", "\ud800", "𝛽", "\u202e", "\u200b"),
)
_UNITS = (
    *(
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("-", ""),
        ("+", ""),
        ("~", ""),
        ("not ", ""),
        ("lambda: ", ""),
        ("neg(", ")"),
    ),
    *(
        ("g**", ""),
        ("g+", ""),
        ("g*(", ")"),
        ("g if g else ", ""),
        ("f(", ")"),
        ("g[", "]"),
        ("await ", ""),
        ("(-", ")"),
    ),
    *(
        ("", ".a"),
        ("", "[0]"),
        ("", "()"),
        ("", ")"),
        ("f'{", "}'"),
        ("interp(g, m, ", ")"),
        ("add(g, ", ")"),
        ("(", ""),
    ),
)
"""What can be repeated around an expression: opening and closing."""
_SERIES = (
    *(
        "x = -g\n    ",
        "x{} = g\n    ",
        "x = x * x\n    ",
        "\n",
        "# \n",
        "    \n",
        "if g:\n    ",
        "elif g:\n    ",
        "\\\n",
    ),
    *("g, ", "m{}, ", "m{}=1, ", "x{}, ", "g + ", "9", "_", "x", " ", "\t", "=", ",", "(g), ", "'", '"', "\r"),
)
"""What can be repeated anywhere; {} is its number."""
_HEAD = "def f(w, g, m, lr, *, beta=0.9):\n    "

Family = Callable[[Random], str]


def stream(seed: int) -> Iterator[tuple[str, str]]:
    """Endless pairs of a family's name and a text of it."""
    random = Random(seed)
    weights = [0.1 if family is large else 1.0 for family in FAMILIES.values()]  # those take long
    while True:
        name = random.choices(list(FAMILIES), weights)[0]
        yield name, FAMILIES[name](random)


@cache
def legal() -> tuple[str, ...]:
    """Texts of rules: the zoo, and random programs of several sizes."""
    rng = np.random.default_rng(0)
    candidates = (show(random_program(rng, int(size))) for size in rng.integers(1, 25, 40))
    return (*(zoo.entry(name).text for name in zoo.names()), *candidates)


def words(random: Random) -> str:
    """Words in any order, within a rule or alone."""
    separator = random.choice(("", " ", " "))
    return random.choice(("", _HEAD, _HEAD + "return ")) + separator.join(
        random.choices(WORDS, k=random.randint(0, 40))
    )


def damage(random: Random) -> str:
    """A rule with pieces deleted, doubled, moved, or replaced by other words."""
    text = random.choice(legal())
    for _ in range(random.randint(1, 5)):
        start = random.randint(0, len(text))
        end = min(len(text), start + random.randint(0, 12))
        other = random.choice(legal())
        cut = random.randint(0, len(other))
        piece = random.choice(
            ("", text[start:end] * 2, random.choice(WORDS), other[cut : cut + 20], chr(random.randrange(128)))
        )
        text = text[:start] + piece + text[end:]
    return text


def grammar(random: Random) -> str:
    """Built as the grammar says, from names, numbers and counts of which a share is wrong."""
    wrong = random.choice((0.0, 0.02, 0.2))
    states = random.sample(("m", "v", "a", "b2"), random.randint(0, 3))
    names = [*random.sample(("w", "lr", "t", "T", "h", "loss"), 3), "g", *states]
    if random.random() < wrong:
        names.append(random.choice(("sqrt", "in", "g", "__a", "a=1", "*", "/", "**k", "x: y")))
    default = random.choice(NUMBERS) if random.random() < wrong else "-0.5"
    lines = [f"def f({', '.join(names)}, *, beta=0.9, c={default}):"]
    scope = [*names, "beta", "c"]
    for _ in range(random.randint(0, 5)):
        target = random.choice(("sqrt", "None", "g.x", "")) if random.random() < wrong else random.choice("mvxyg")
        lines.append(f"    {target} = {_expression(random, scope, random.randint(0, 4), wrong)}")
        scope.append(target)
    outputs = [f"g * {_expression(random, scope, 2, wrong)}", *states]
    return "\n".join([*lines, f"    return {', '.join(outputs)}"]) + random.choice(("", "\n", "\n\n# end"))


def _expression(random: Random, scope: list[str], depth: int, wrong: float) -> str:
    choice = random.random() if depth else 0.0
    flawed = random.random() < wrong
    if choice < 0.25:
        return random.choice(WORDS) if flawed else random.choice([*scope, "2", "0.1"])
    if choice < 0.6:
        left, right = (_expression(random, scope, depth - 1, wrong) for _ in range(2))
        return f"{left} {random.choice(('//', '@', '<', 'and', ',') if flawed else ('+', '-', '*', '/', '**'))} {right}"
    if choice < 0.7:
        opening, closing = random.choice(
            (("(", ""), ("", ")"), ("+", ""), ("[", "]")) if flawed else (("-", ""), ("(", ")"))
        )
        return f"{opening}{_expression(random, scope, depth - 1, wrong)}{closing}"
    name = random.choice(_NAMES)
    count = random.randint(0, 4) if flawed else OPS[name].arity
    return f"{name}({', '.join(_expression(random, scope, depth - 1, wrong) for _ in range(count))})"


def large(random: Random) -> str:
    """A rule near the limits of names and instructions, or beyond, each state made from the one before."""
    states = [f"s{number}" for number in range(random.randint(0, 130))]
    target = random.choice(("x", *states[:1]))
    body = f"    {target} = {random.choice(('-g', 'g * x', 'transpose(x)', 'matmul(x, x)', 'mean(x)', 'x + s0'))}\n"
    outputs = ["x", *states]
    if states:
        outputs[1] = random.choice(("g", "x", "mean(g)", "2"))
        outputs[2:] = random.choice((states[:-1], states[1:]))
    head = f"def f({', '.join(['g', *states])}):\n    x = g\n"
    return f"{head}{body * random.randint(0, 600)}    return {', '.join(outputs)}\n"


def nest(random: Random) -> str:
    """One construct inside itself, up to as often as the text may be long."""
    opening, closing = random.choice(_UNITS)
    most = (MAX_BYTES - 100) // len(opening + closing)
    count = random.choice((random.randint(1, 70), random.randint(1, most)))
    closed = random.choice((count, count, count - 1, 0))
    return random.choice(("", _HEAD, _HEAD + "return ")) + opening * count + "g" + closing * closed


def repeat(random: Random) -> str:
    """One piece of text again and again, at some place of a rule; sometimes longer than any rule may be."""
    text = random.choice(legal())
    place = random.randint(0, len(text))
    piece = random.choice(_SERIES)
    count = random.randint(1, (MAX_BYTES + 500) // len(piece))
    run = "".join(piece.replace("{}", str(number)) for number in range(count))
    return text[:place] + run[: MAX_BYTES + 500 - len(text)] + text[place:]


def noise(random: Random) -> str:
    """Characters of all planes, bytes read as characters, or nothing but punctuation."""
    kind, length = random.randrange(3), random.randint(0, 60)
    if kind == 0:
        return "".join(chr(random.randrange(0x110000)) for _ in range(length))
    if kind == 1:
        return random.randbytes(length).decode("latin-1")
    return "".join(random.choices("()*/+-=,: \n\tg1._#", k=length))


FAMILIES: dict[str, Family] = {
    family.__name__: family for family in (words, damage, grammar, large, nest, repeat, noise)
}
_NAMES = sorted(OPS)
