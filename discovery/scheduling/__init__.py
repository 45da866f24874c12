"""Ask and tell: the whole search between two measurements, without clock, database or processes.

Read in this order:

- `scheduler`: the three phases of a run, what to measure next, and what a measurement means.
- `exchange`: what is asked and what is told.
- `ladder`: the rungs that a candidate climbs: tasks, shares of their steps, seeds. `queues`: who waits for which.
- `hurdle`: who goes on from scouting to the finals of a race.
- `roster`: candidates and their programs by number.
- `judge`: from measurements to verdicts. `shrinkage`: what a score from few seeds is worth.
- `noise`: which elites to measure again with fresh seeds, and when.
"""
