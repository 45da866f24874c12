"""From elite to discovery: what has to hold before a rule may be called better than another. See `docs/promotion.md`.

What is shared:

- `settings`: how much is measured, with which seeds. `lab`: where it is measured, once and for all; `ledger`: where the
  answers are kept.
- `statistics`: what may be said of a handful of seeds. `races`: rules with the learning-rate search that all get.

The stages, in order:

- `fresh`: seeds that nothing was chosen by.
- `validation`: tasks that the search has not seen; what search scores are worth there, and `overfitting`.
- `tuning`: the same tuner, trials and seeds for everybody, in the `space` that a rule's text gives; `lift` makes
  hyperparameters of anonymous constants.
- `simplification`: what the rule does not need, by trying every change of `ablation`, with `shapes` for learned
  ones; `regroup` for what holds among real numbers.
- `sealed`: the test tasks, once.
- `verified`: the exported file, in a process of its own.

What a certificate says besides: `speedup`, `maps` of how much a rule minds its settings, the `nearest` rules.

- `fair`: the comparison of tuned rules, for the funnel and for any rules.
- `promote`: all stages, for the candidates of a run, and their `findings`. `certificate`: these as JSON, which `page`
  and `plots` show.
"""
