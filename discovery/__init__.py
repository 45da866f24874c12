"""The search: what to try next, who tries it, what is kept, and the command line. Nothing imports this package.

Read in this order:

- `scheduler`: ask and tell, the whole search between two measurements, without clock, database or processes.
- `proposer` and `emitters/`: where proposals come from, and how the known are told from the new.
- `scoring`: one number from many losses, relative to AdamW.
- `loop`: ask, evaluate, tell, until the budget is spent; every step is a transaction, so a kill loses nothing.
- `executors/`: who does the work: this process, or Ray.
- `plan`, `runs`, `rules`, `results`: what a run is to do, where it lives, how a rule is named, what is known of it.
- `config`, `config_types`, `config_file`, `config_errors`, `plain_yaml`: the configuration, checked on the way in.
- `bench/`: measurements of the project itself.
- `cli/`: the command line `discover`, one file per verb.
"""
