"""The search: what to try next, who tries it, what is kept, and the command line. Nothing imports this package.

Read in this order:

- `scheduling/`: ask and tell, the whole search between two measurements, without clock, database or processes.
- `strategies/`: whose children are tried next. `emitters/`: how a child is made, and how the turns are shared out.
- `proposer`: both at work, and how the known are told from the new.
- `scoring`: one number from many losses, relative to AdamW; `baselines`: in which settings it and others are tried;
  `yardstick`: which of them counts. `measures`: what kind of rule, by text and by trainings.
- `loop`: ask, evaluate, tell, until the budget is spent; every turn is a transaction, so a kill loses nothing.
- `search`: a run in motion, made from its store. `outage`: what a driver does while the database is away.
- `executors/`: who does the work: this process, or Ray.
- `plan`, `runs`, `rules`, `results`: what a run is to do, where it lives, how a rule is named, what is known of it;
  `json_values`: all of that as JSON. `record_file`: measurements outside of runs, for the same command to go on from.
- `llm/`: language models as a source of proposals.
- `config/`, `plain_yaml`: the configuration, checked on the way in.
- `estimate`, `rehearsal`: what a run will cost, before it runs. `race/`: several searches side by side.
- `funnel/`: from elite to discovery, what has to hold before a rule may be called better than another.
- `bench/`: measurements of the project itself.
- `cli/`: the command line `discover`, one file per verb.
"""
