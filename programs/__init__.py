"""The language that rules are written in, and everything that can be done with a rule without training anything.

A rule is text that is read as data, a straight-line program over a closed table of operations. Read in this order:

- `ops` the table of operations: what each does, in numpy and in torch, and where it departs from IEEE 754;
  `matrix` the reference meanings of those that need matrix products; `table` the same for a reader
- `ir` a program as data; `kinds` the kinds of value it computes with
- `zoo` the known rules, written in the language: the best introduction to it
- `parse` text to program, read as words by `scan`, with `errors` that say where, why, and what instead (`hints`);
  `show` program to text
- `check` is it legal, which parts of it matter, and what does it cost
- `run` what it does to the weights, in numpy or (`run_torch`, the one file that imports torch) in torch;
  `layout` how the parameters of a model lie in one vector
- `canon` one form for all ways of writing the same program, made of a `graph` of its expressions and the `rules` of
  exact algebra; `fingerprint` what it does to fixed inputs (`probe`, then a longer `trajectory`), so that twins are
  known before they are trained, whatever the size of their steps (`degree`), unless they may decide otherwise some day
  (`decisions`) or show what they hide (`hidden`);
  `same` what two programs are to each other; `remarks` what in one does nothing; `measures` what it is like, for the
  axes of an archive
- `generate` random programs; `edit` children of a program, by the `operators` of mutation and crossover, which are made
  of structural rewrites (`rewrite`) and draw from weighted tables (`draw`)
- `export` the source of a torch optimizer: the rule for one tensor (`torch_source`), for lists of them in place
  (`torch_foreach`), the class around it (`torch_class`) and the fixed parts of the file (`torch_file`);
  `optax_file` the same for optax, its body written by `optax_source`; `preface` what both say at the top, with the rule
  in plain `words` and in `latex`
"""
