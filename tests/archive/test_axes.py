"""The axes that a configuration can name beside the default ones."""

from __future__ import annotations

import pytest

from archive.grid import AXES, DEFAULT_AXES


def test_the_default_axes_need_no_training() -> None:
    assert [axis.name for axis in DEFAULT_AXES] == [
        "state_slots",
        "instructions",
        "gradient_homogeneity",
        "matrix_products",
    ]


def test_every_axis_goes_by_its_name() -> None:
    assert all(axis.name == name for name, axis in AXES.items())


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("memory_per_weight", 0.03, "0"),
        ("memory_per_weight", 1.0, "1"),
        ("memory_per_weight", 1.02, "1"),
        ("memory_per_weight", 2.0, "2"),
        ("memory_per_weight", 4.0, "3+"),
        ("flops_per_weight", 1.0, "below 4"),
        ("flops_per_weight", 20.0, "16-32"),
        ("flops_per_weight", 2000.0, "64+"),
        ("learning_rate_sensitivity", 0.0, "below 0.25"),
        ("learning_rate_sensitivity", 0.54, "0.5-0.6"),
        ("learning_rate_sensitivity", 0.99, "0.7+"),
        ("noise_sensitivity", 0.0, "below 0.5 %"),
        ("noise_sensitivity", 0.014, "1-2 %"),
        ("noise_sensitivity", 0.3, "5 %+"),
    ],
)
def test_bins_hold_what_their_labels_say(name: str, value: float, label: str) -> None:
    axis = AXES[name]
    assert axis.labels[axis.bin(value)] == label
