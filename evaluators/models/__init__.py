"""Models as data: a list of layers and a loss, which every engine runs in its own way.

Read in this order:

- `parameter`: one parameter tensor and how it is drawn at the start.
- `layers`: the layers, each with its parameters and what it does to a shape. No arithmetic, and no torch.
- `in_torch`: their meaning in torch, for many lanes at once.
- `losses`: what is minimised.
- `blocks`: groups of layers that several models share.
- `model`: a `Model` is layers and a loss whose shapes fit. `work`: the multiplications in its products.

A new layer is a class in `layers` and a function in `in_torch`; engines that do not know it leave the task to torch.
"""
