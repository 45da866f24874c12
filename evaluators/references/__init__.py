"""Are the rules of the zoo what their names say? Compared with other implementations, on a real network.

In reading order:

- `network`: the model that everything is compared on.
- `reference`: what a rule is compared with: an optimizer of a library, or a formula written out.
- `compare`: train with both, and say how far apart they come.
- `elementwise`, `modelwise`, `matrixwise`: the formulas of the papers in plain torch, without the table of operations;
  `variants`: the same with what a library does differently put in.
- `checks`: all comparisons, as data, from `elementwise_checks`, `modelwise_checks` and `matrixwise_checks`; `options`
  translates hyperparameters.

The libraries are named by text and loaded when they are used: they come with the development tools only.
"""
