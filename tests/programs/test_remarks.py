import pytest

from programs import zoo
from programs.parse import parse
from programs.remarks import remarks


@pytest.mark.parametrize("name", zoo.names())
def test_nothing_is_odd_about_known_rules(name: str) -> None:
    assert remarks(zoo.load(name)) == []


@pytest.mark.parametrize(
    ("head", "returned", "parts"),
    [
        ("g, learning_rate", "g + learning_rate, learning_rate", ["'learning_rate' is a state that never changes"]),
        ("w, g, lr", "g * lr", ["'w' makes no difference"]),
        ("g, m, lr, *, beta=0.9", "g * lr, g", ["'m' makes no difference", "'beta' makes no difference"]),
        ("g, lr", "g / 0 * lr", ["not finite"]),
        ("g, w, lr", "(w + g * 0) * lr", ["gradients make no difference"]),
    ],
)
def test_what_does_nothing_is_told(head: str, returned: str, parts: list[str]) -> None:
    found = remarks(parse(f"def f({head}):\n    return {returned}\n"))
    assert len(found) == len(parts)
    for sentence, part in zip(found, parts, strict=True):
        assert part in sentence
