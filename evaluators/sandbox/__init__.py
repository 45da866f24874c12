"""Isolation: measuring in a process that can be stopped at any time and that can reach nothing else.

Rules are data and safe by construction. The boundary is there for crashes, hangs and memory, and so that a mistake
somewhere else in the project costs one batch and not the machine. In reading order:

What confines a process:

- `levels`: the four levels, and the error that says a level cannot be had.
- `limits`: what a process may use.
- `paths`: the files that Python and torch need, which is all that a confined process may read.
- `landlock`: which files may be reached. `seccomp`: which system calls may be made. `privileges`: user ids and
  capabilities. They reach the kernel by `kernel`, with the numbers of `syscalls`.
- `namespaces`: the command line of bubblewrap.
- `launch`: how to start a process at a level. `enter`: what that process does to itself before it reads anything.
- `survey`: what this machine offers, found out by running it in the child `trial`, and the level that follows.
- `probes`: what escapes run into at a level. The child `attempts` makes them; `targets` are what they aim at.

What is run in it:

- `supervisor`: the front door: `Sandbox(level).evaluate(job) -> report`.
- `wire`: the frames between parent and child, and what may be in them.
- `zygote`: the child. It imports torch once, confines itself, and forks a worker for every job, whose `work` is to
  measure it, and a `judge`, which never runs a candidate and computes every claimed loss again.
- `process`: a zygote as its parent holds it, and `tree`, all that is below it. `workers`: giving work to it, with
  deadlines and an eye on memory, and starting it again.
- `claims`: what a worker may claim and how much of it is believed. `bisect`: who killed it.
"""
