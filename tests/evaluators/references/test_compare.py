from __future__ import annotations

import pytest
import torch

from evaluators.references import elementwise, matrixwise
from evaluators.references.checks import CHECKS
from evaluators.references.compare import Check, Verdict, compare, difference, hypers_of
from evaluators.references.network import SHAPES, directions, slope, start
from evaluators.references.reference import EXACT, Formula, Library, each
from programs import zoo


@pytest.mark.parametrize("name", zoo.names())
def test_a_rule_of_the_zoo_moves_the_weights_as_all_its_references_do(name: str) -> None:
    rows = compare(CHECKS[name])
    assert {row.reference: row.verdict for row in rows if row.verdict not in (Verdict.AGREES, Verdict.EXPLAINED)} == {}
    assert all(row.steps >= 100 and row.settings == 2 for row in rows)
    assert all(row.unexplained is not None and row.unexplained <= row.precision for row in rows)
    assert all(row.precision == EXACT or "float32" in row.note for row in rows)
    assert "formula" in {row.reference for row in rows}


def test_every_rule_has_a_check_whose_settings_differ_and_nothing_else_has_one() -> None:
    assert CHECKS.keys() == set(zoo.names())
    same = [name for name, check in CHECKS.items() if hypers_of(name, check.other) == hypers_of(name, {})]
    assert {name for name in same if zoo.load(name).hypers} == set(), "only a rule without any has one setting"


def test_an_explained_difference_is_said_in_words() -> None:
    explained = [ref for check in CHECKS.values() for ref in check.references if ref.variant is not None]
    assert explained
    assert all(reference.note for reference in explained)


@pytest.mark.parametrize("wrong", [{"beta1": 0.9000001}, {"beta2": 0.9990001}, {"eps": 1.01e-8}])
def test_a_small_mistake_in_a_constant_is_seen(wrong: dict[str, float]) -> None:
    library = Library("torch.optim.Adam", lambda h: {"betas": (h.beta1, h.beta2), "eps": h.eps})
    right = hypers_of("adam", {})

    mistaken = Library(
        "torch.optim.Adam",
        lambda _: {"betas": ((right | wrong)["beta1"], (right | wrong)["beta2"]), "eps": (right | wrong)["eps"]},
    )
    assert [row.verdict for row in compare(Check("adam", (library,), {}))] == [Verdict.AGREES]
    assert [row.verdict for row in compare(Check("adam", (mistaken,), {}))] == [Verdict.DIFFERS]


@pytest.mark.parametrize("name", ["amsgrad", "adamw", "nadam"])
def test_a_rule_that_is_nearly_the_reference_is_told_apart(name: str) -> None:
    (row,) = compare(Check(name, (Formula(each(elementwise.adam)),), {}))
    assert row.verdict is Verdict.DIFFERS


def test_a_wrong_explanation_does_not_pass() -> None:
    reference = Library(
        "torch.optim.SGD", lambda h: {"momentum": h.beta, "nesterov": True}, variant=each(elementwise.momentum)
    )
    (row,) = compare(Check("momentum", (reference,), {}))
    assert row.verdict is Verdict.DIFFERS


def test_a_reference_that_is_not_installed_is_said_to_be_so() -> None:
    (row,) = compare(Check("sgd", (Library("no_such_library.SGD", lambda _: {}),), {}), steps=2)
    assert (row.verdict, row.difference, row.version) == (Verdict.NOT_INSTALLED, None, "")


def test_a_hyperparameter_that_the_rule_has_not_is_an_error() -> None:
    with pytest.raises(KeyError, match="adam has no hyperparameter beta3"):
        hypers_of("adam", {"beta3": 1})


def test_the_network_has_parameters_of_every_number_of_axes_and_gradients_that_are_zero() -> None:
    assert {len(shape) for shape in SHAPES} == {0, 1, 2, 4}
    gradients = [slope(start(), step).gradients for step in (1, 3)]
    assert all(gradient.dtype is torch.float64 for gradient in gradients[0])
    assert [int((step[3] == 0).sum()) for step in gradients] == [0, 24]


def test_the_curvature_is_the_change_of_the_gradient_along_random_signs() -> None:
    weights, tiny = start(), 1e-6
    parts = directions(1)
    ahead = slope([w + tiny * part for w, part in zip(weights, parts, strict=True)], 1).gradients
    behind = slope([w - tiny * part for w, part in zip(weights, parts, strict=True)], 1).gradients
    found = slope(weights, 1, curvature=True).curvatures
    assert all(torch.equal(part.abs(), torch.ones_like(part)) for part in parts)
    for part, after, before, curvature in zip(parts, ahead, behind, found, strict=True):
        assert torch.allclose(part * (after - before) / (2 * tiny), curvature, rtol=1e-5, atol=1e-7)
    assert slope(weights, 1).curvatures == ()


def test_the_difference_is_relative_to_the_way_and_never_hides_what_is_not_finite() -> None:
    way = [torch.tensor([[0.0], [2.0], [4.0]])]
    assert difference([torch.tensor([[0.0], [2.0], [4.2]])], way) == pytest.approx(0.05)
    for bad in (torch.nan, torch.inf):
        broken = [torch.tensor([[0.0], [bad], [4.0]])]
        assert difference(broken, way) == difference(way, broken) == torch.inf
    assert difference(way, [torch.zeros(3, 1)]) == torch.inf


def test_the_formula_of_newton_schulz_is_made_of_singular_values() -> None:
    matrix = torch.diag(torch.tensor([3.0, 4.0], dtype=torch.float64))
    values = torch.linalg.svdvals(matrixwise.newton_schulz(matrix))
    assert ((values > 0.6) & (values < 1.3)).all()
