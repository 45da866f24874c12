"""Several searches at the same budget and the same seeds, side by side: what is a strategy, or an emitter, worth?

- `entrants`: the configurations that take part, checked to be comparable, and their runs on disk.
- `heats`: drives the runs, several at a time, each in a process of its own.
- `curves`: what one run had found after so many evaluations, by replaying its verdicts.
- `standings`: medians and intervals over seeds.
- `tables`, `plot`: the same as rows of text, and as a picture.
"""
