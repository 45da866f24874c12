"""Measuring: trains real models with update rules and says what came of it.

In reading order:

- `job`: what is asked (`Job`, `Race`) and what comes back (`Report`, `Result`, `Outcome`). Plain data, JSON both ways.
- `models`: a model as a list of layers and a loss, which is data to every engine.
- `tasks`: the models and data that rules are measured on, one file each, and how to add one.
- `lanes`: one training run as data: `Lane` asks for it, `Trace` says what became of it.
- `schedule`: the learning rate over a run.
- `population`: many lanes as one flat array of weights; their gradients, their updates, dropping the dead. `curvature`:
  the diagonal of the Hessian, for the rules that ask for it.
- `train`: the training loop. `train(...)` takes lanes and returns traces; another engine only has to do the same.
- `bytecode`: a rule as data for the engines that do not call torch for every operation, made from its `nodes`, which
  `fusion` and `passes` put together. `native`: the engine for CPUs, in C++. `cuda`: the engine for
  GPUs. `cache`: where compiled code is kept.
- `engines`: which of them trains a program, and one `train` for all. `plain_loop`: what they are measured against.
- `race`: the learning-rate search that every rule gets, candidate and baseline alike.
- `side_by_side`: very small runs of many rules, to see whether they train alike.
- `memory`: what a rule will need, known before it runs. `cost`: what its evaluation took, in operations and bytes.
- `device`: where it runs.
- `evaluate`: `evaluate(job) -> report`, the front door.
- `sandbox`: the same in a confined process, which is how a search does it.
- `exported`: an exported file in a process of its own, beside the interpreter and on the tasks. `step_time`: how long
  its steps take.
- `references`: whether the rules of the zoo do what others' implementations of them do.
"""
