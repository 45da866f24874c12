"""Measurements of the project itself: each prints what it measured here and now, and none is a test.

- `sandbox`: what isolation costs.
- `loop`: how fast results are told, from the first to the last of many. `free`: its evaluator, which costs nothing.
- `crash`: what kills of drivers and workers cost. `witness`: a driver to be killed, and who looks afterwards.
- `language`: how fast proposals are made and recognised. `twins`: whether rules of one fingerprint train alike.
- `evaluator`: how fast models are trained. (Whole populations on a GPU: `evaluators.cuda.speed`.)
- `tasks`: which tasks tell rules apart. `tasks_runs`: what it trains, `tasks_statistics`: how it compares.
- `resumable`: long measurements that survive an interruption.
- `racing`: what the learning-rate races lose and save. `racing_runs`: what is trained for it; `racing_policies`: how
  policies are replayed on that.
- `export`: what a step of an exported optimizer costs beside torch's own.
- `hostile`: whether any text breaks the parser. `hostile_text`: the texts.
"""
