from __future__ import annotations

import numpy as np
import pytest

from in_torch import in_torch
from programs.matrix import eigenvalues, inverse_root, orthogonalize

NAN, INF = np.nan, np.inf

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # infinities and NaN are meant here


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 4), (4, 1), (1, 1), (6, 6)])
def test_orthogonalize_keeps_singular_vectors_and_brings_singular_values_near_one(
    shape: tuple[int, int], device: str
) -> None:
    x = np.random.default_rng(0).standard_normal((4, *shape))
    found = orthogonalize(x)
    np.testing.assert_allclose(in_torch("orthogonalize", device)(x), found, rtol=1e-9, atol=1e-12)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    inner = np.swapaxes(u, -1, -2) @ found @ np.swapaxes(v, -1, -2)
    values = np.diagonal(inner, axis1=-2, axis2=-1)
    assert np.all((values > 0.6) & (values < 1.3))
    np.testing.assert_allclose(inner, values[..., None] * np.eye(min(shape)), atol=1e-9)


def test_orthogonalize_of_zero_is_zero_and_a_nan_spoils_its_own_matrix_only(device: str) -> None:
    x = np.zeros((3, 4, 2))
    x[1, 0, 0], x[2, 0, 0] = NAN, INF
    for found in (orthogonalize(x), in_torch("orthogonalize", device)(x)):
        np.testing.assert_array_equal(found[0], 0)
        assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_an_inverse_root_undoes_the_power(p: float) -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 7))
    gram = x @ np.swapaxes(x, 1, 2)
    root = inverse_root(gram, p, 0.1)
    np.testing.assert_allclose(root, np.swapaxes(root, 1, 2), atol=1e-12)
    power = np.linalg.matrix_power(root, int(p)) @ (gram + 0.1 * np.eye(4))
    np.testing.assert_allclose(power, np.broadcast_to(np.eye(4), power.shape), atol=1e-9)


def test_an_inverse_root_says_so_where_there_is_none(device: str) -> None:
    x = np.stack([np.zeros((2, 2)), np.diag([-1.0, 4.0]), np.diag([NAN, 1.0]), np.diag([1.0, INF])])
    for found in (
        inverse_root(x, 2.0, 0.25),
        in_torch("inverse_root", device)(x, 2.0, 0.25),
    ):
        np.testing.assert_allclose(found[0], 2.0 * np.eye(2))
        np.testing.assert_allclose(found[1], np.diag([2.0, 4.25**-0.5]))
        assert np.isnan(found[2:]).all()
    assert not np.isfinite(inverse_root(np.zeros((1, 2, 2)), 2.0, 0.0)).any()


def test_eigenvalues_are_those_of_the_matrix_and_not_numbers_where_there_are_none() -> None:
    x = np.stack([np.zeros((2, 2)), np.diag([4.0, -1.0]), np.diag([NAN, 1.0]), np.diag([1.0, INF])])
    np.testing.assert_allclose(eigenvalues(x), np.array([[0, 0], [-1, 4], [NAN, NAN], [NAN, NAN]]))
    np.testing.assert_allclose(eigenvalues(np.array([[[0.0, 9.0], [3.0, 0.0]]])), [[-3, 3]])


@pytest.mark.parametrize("size", [1e-290, 1e-150, 1e150, 1e300])
def test_an_inverse_root_of_very_small_and_very_large_numbers_is_found(size: float, device: str) -> None:
    x = np.random.default_rng(0).standard_normal((3, 12, 12))
    gram = x @ np.swapaxes(x, 1, 2) * size
    for found in (inverse_root(gram, 2.0, 0.0), in_torch("inverse_root", device)(gram, 2.0, 0.0)):
        np.testing.assert_allclose(found[0] @ (gram[0] / size) @ found[0] * size, np.eye(12), atol=1e-8)


def test_matrices_whose_decomposition_fails_are_nan_and_leave_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    decompose = np.linalg.eigh

    def failing(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if (x[:, 0, 1] != 0).any():  # nobody knows a finite matrix for which the real one fails
            raise np.linalg.LinAlgError
        values, vectors = decompose(x)
        return values, vectors

    monkeypatch.setattr(np.linalg, "eigh", failing)
    x = np.stack([np.eye(2), np.array([[1.0, 0.5], [0.5, 1.0]]), 2 * np.eye(2)])
    found = inverse_root(x, 1.0, 0.0)
    np.testing.assert_allclose(found[[0, 2]], np.stack([np.eye(2), np.eye(2) / 2]))
    assert np.isnan(found[1]).all()
