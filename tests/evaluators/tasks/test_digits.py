from __future__ import annotations

import numpy as np

from evaluators.tasks.digits import TASK


def test_all_images_are_used_and_none_twice() -> None:
    train, validation = TASK.data.train, TASK.data.validation
    images = np.concatenate([train.inputs, validation.inputs])
    assert images.shape == (1797, 64)
    assert len(np.unique(images, axis=0)) == 1797


def test_pixels_are_shares_of_full_ink_and_every_digit_is_in_both_parts() -> None:
    for examples in (TASK.data.train, TASK.data.validation):
        assert examples.inputs.dtype == np.float32
        assert (examples.inputs.min(), examples.inputs.max()) == (0, 1)
        assert set(examples.targets) == set(range(10))
