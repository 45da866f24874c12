"""Tuned rules side by side: who beats whom, as far as corrected intervals say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from discovery.funnel.statistics import Comparison, Word, compare
from discovery.funnel.tuning import Tuned


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule against each of the others.

    Attributes:
        overall: Over all settings, by the name of the other rule.
        by_setting: The same, setting by setting.
    """

    overall: Mapping[str, Comparison]
    by_setting: Mapping[str, Mapping[str, Comparison]]

    def names(self, word: Word) -> list[str]:
        """Of whom this is said."""
        return [name for name, found in self.overall.items() if found.word is word]


def against(rule: Tuned, others: Sequence[Tuned], settings: Sequence[str], tried: int = 1) -> Standing:
    """A rule against others that were tuned alike.

    Args:
        tried: How many rules like this one there were to choose from, for the correction of the intervals.
    """
    family = tried * len(others)
    each = family * len(settings)
    return Standing(
        {other.name: compare(rule.losses, other.losses, settings, family) for other in others},
        {
            setting: {other.name: compare(rule.losses, other.losses, [setting], each) for other in others}
            for setting in settings
        },
    )


def everybody(rules: Sequence[Tuned], settings: Sequence[str]) -> dict[str, dict[str, Comparison]]:
    """Every rule against every other, corrected for the number of pairs: `found[rule][other]`."""
    pairs = len(rules) * (len(rules) - 1) // 2
    found: dict[str, dict[str, Comparison]] = {rule.name: {} for rule in rules}
    for rule, other in permutations(rules, 2):
        found[rule.name][other.name] = compare(rule.losses, other.losses, settings, pairs)
    return found
