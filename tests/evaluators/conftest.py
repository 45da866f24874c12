"""Rules written out here, so that these tests fail for the evaluator's faults only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from evaluators.device import prepare

RULES = {
    "sgd": "def sgd(w, g, lr):\n    return g * lr\n",
    "momentum": "def momentum(w, g, m, lr, *, mu=0.9):\n    m = m * mu + g\n    return m * lr, m\n",
    "adamw": """
def adamw(w, g, m, v, lr, t, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    m = interp(g, m, beta1)
    v = interp(square(g), v, beta2)
    m_hat = m / (1 - beta1 ** t)
    v_hat = v / (1 - beta2 ** t)
    update = m_hat / (sqrt(v_hat) + eps)
    update = update + w * weight_decay
    return update * lr, m, v
""",
    "lion": """
def lion(w, g, m, lr, *, beta1=0.9, beta2=0.99):
    update = sign(interp(g, m, beta1))
    m = interp(g, m, beta2)
    return update * lr, m
""",
    "exploding": "def exploding(w, g):\n    return 10 * (w + g)\n",
    "ascending": "def ascending(w, g, lr):\n    return -(g * lr)\n",
    "nan": "def nan(w, g, t):\n    return g * sqrt(2.5 - t)\n",
    "growing": "def growing(w, g, lr):\n    return g * lr - w * 0.5\n",
}


@pytest.fixture
def rules() -> dict[str, str]:
    return dict(RULES)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """As in a worker; bits depend on the number of threads."""
    before = torch.get_num_threads()
    prepare()
    yield
    torch.set_num_threads(before)
