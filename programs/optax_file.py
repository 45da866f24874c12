"""Program to an optax `GradientTransformation`: the source text of one self-contained file."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Sequence

from programs.ir import Program
from programs.kinds import Kind
from programs.matrix import NEWTON_SCHULZ, NEWTON_SCHULZ_EPS, NEWTON_SCHULZ_STEPS
from programs.ops import OPS
from programs.optax_source import OptaxPrinter
from programs.preface import WIDTH, comprehension, indented, preface
from programs.show import listed, number, returned
from programs.torch_source import MATRIX_SHAPES, WHOLE_SHAPES, without_clashes

_TAKEN = frozenset(
    [
        *("jax", "jnp", "optax", "Any", "Array", "Generator", "NamedTuple", "init", "update", "as_matrix"),
        *("in_lockstep", "orthogonalize", "inverse_root", "ValueError", "StopIteration", "zip", "dict", "float"),
    ]
)

_AS_MATRIX = '''\
def as_matrix(x: Array) -> Array:
    """The first axis by all others; a vector or a single number is one row."""
    return x.reshape(x.shape[0], -1) if x.ndim > 1 else x.reshape(1, -1)'''

_ORTHOGONALIZE = f'''\
def orthogonalize(x: Array) -> Array:
    """Push the singular values of a matrix towards 1.

    {NEWTON_SCHULZ_STEPS} Newton-Schulz steps, as in Muon (Jordan et al. 2024).
    """
    a, b, c = {", ".join(map(str, NEWTON_SCHULZ))}
    matrix = as_matrix(x)
    tall = matrix.shape[0] > matrix.shape[1]
    y = matrix.T if tall else matrix
    y = y / (jnp.sqrt(jnp.sum(jnp.square(y))) + {number(NEWTON_SCHULZ_EPS)})
    for _ in range({NEWTON_SCHULZ_STEPS}):
        gram = y @ y.T
        y = a * y + (b * gram + c * gram @ gram) @ y
    return (y.T if tall else y).reshape(x.shape)'''

_INVERSE_ROOT = '''\
def inverse_root(x: Array, p: Array | float, eps: Array | float) -> Array:
    """(x + eps * identity) ** (-1 / p) of a symmetric matrix, as in Shampoo (Gupta et al. 2018)."""
    finite = jnp.isfinite(x).all()
    kept = jnp.where(finite, x, 0.0)
    kept = jnp.tril(kept) + jnp.tril(kept, -1).T
    scale = jnp.exp2(jnp.frexp(jnp.max(jnp.abs(kept)))[1] - 1.0).astype(kept.dtype)
    values, vectors = jnp.linalg.eigh(kept / scale)
    powers = jnp.power(jnp.maximum(values * scale, 0.0) + eps, jnp.divide(-1.0, p))
    return jnp.where(finite, (vectors * powers) @ vectors.T, jnp.nan)'''

_NORM = "jnp.sqrt(jnp.sum((yield jnp.sum(jnp.square({0})))))"
_WHOLE: dict[str, tuple[str, str]] = {
    "global_sum": ("x: Array", "return jnp.sum((yield jnp.sum(x)))"),
    "global_mean": ("x: Array", "return jnp.sum((yield jnp.sum(x))) / jnp.sum((yield jnp.asarray(float(x.size))))"),
    "global_norm": ("x: Array", f"return {_NORM.format('x')}"),
    "global_max": ("x: Array", "return jnp.max((yield jnp.max(x)))"),
    "global_min": ("x: Array", "return jnp.min((yield jnp.min(x)))"),
    "global_dot": ("x: Array, y: Array", "return jnp.sum((yield jnp.sum(x * y)))"),
    "cosine_sim": (
        "x: Array, y: Array",
        f"""\
x, y = jnp.broadcast_arrays(x, y)
    norms = {_NORM.format("x")} * {_NORM.format("y")}
    return jnp.sum((yield jnp.sum(x * y))) / norms""",
    ),
    "clip_by_global_norm": (
        "x: Array, c: Array | float",
        f"norm = {_NORM.format('x')}\n    return x * jnp.minimum(c / norm, 1.0)",
    ),
}

_IN_LOCKSTEP = '''\
def in_lockstep(rules: list[Generator[Array, Array, Any]]) -> list[Any]:
    """Run a rule for all parameters side by side: where each yields a number, each is given all of them as a vector."""
    results: list[Any] = []
    yielded = [next(rule) for rule in rules]
    while yielded:
        together = jnp.stack(yielded)
        following = []
        for rule in rules:
            try:
                following.append(rule.send(together))
            except StopIteration as end:
                results.append(end.value)
        yielded = following
    return results'''

_FACTORY = '''\
class {state_class}(NamedTuple):
    """How many steps were taken, and every state as a tree like the parameters."""

    count: Array
    states: dict[str, Any]


{head}
    """The rule as a transformation of gradients, for `optax.apply_updates`.

    Args:
{arguments}
    """
    hypers: dict[str, float] = {hypers}

    def init(params: optax.Params) -> {state_class}:
        {states}
        return {state_class}(jnp.zeros((), jnp.int32), states)

    def update(
{signature}
    ) -> tuple[optax.Updates, {state_class}]:
        {needs}count = optax.safe_increment(state.count)
{numbers}
{trees}
        leaves = [jax.tree.leaves(tree) for tree in trees]
{results}
        gradients, structure = jax.tree.flatten(updates)
        steps = [-result[0].reshape(g.shape).astype(g.dtype) for result, g in zip(results, gradients, strict=True)]
{next_states}
        return jax.tree.unflatten(structure, steps), {state_class}(count, states)

    return optax.{transformation}(init, update)'''


_NEEDS_PARAMS = """\
if params is None:
            raise ValueError("the rule looks at the weights: update(updates, state, params)")
        """
_NEXT_STATES = """\
states = dict(state.states)
for place, name in enumerate(({names}), start=1):
    old = jax.tree.leaves(states[name])
    new = [jnp.broadcast_to(r[place], x.shape).astype(x.dtype) for r, x in zip(results, old, strict=True)]
    states[name] = jax.tree.unflatten(structure, new)"""


def export_optax(
    program: Program,
    *,
    name: str | None = None,
    notes: Sequence[str] = (),
    advice: str = "",
    certificate: str = "",
) -> str:
    """The source of a Python file with a function that returns the rule as an optax transformation.

    Args:
        program: An update rule. It is exported as it is; simplify it first for the shortest file.
        name: What the function is called; by default as the rule.
        notes: Paragraphs for the docstring of the file: where the rule comes from, how it scored.
        advice: What is known about its learning rate; by default how long its steps are beside AdamW's.
        certificate: Where the evidence for the rule is, if there is any.

    Raises:
        CheckError: The program is not a legal rule.
        ValueError: `name` cannot be the name of the function.
    """
    chosen = name or program.name
    taken = chosen in {*_TAKEN, *OPS, f"{program.name}_update"}
    if not chosen.isidentifier() or keyword.iskeyword(chosen) or (taken and name):
        raise ValueError(f"{chosen!r} cannot be the name of a transformation.")
    chosen = f"{chosen}_rule" if taken else chosen
    evidence = [f"Certificate: {certificate}"] if certificate else []
    return _File(program, chosen).text([*notes, *evidence], advice)


class _File:
    def __init__(self, program: Program, name: str) -> None:
        self.original = program
        self.program = without_clashes(program)
        self.printer = OptaxPrinter(self.program)
        self.name = name
        self.function = f"{program.name}_update"
        self.used = [op for op in OPS if op in {instr.op for instr in program.body}]
        shapes = {OPS[op].shape for op in self.used if op != "axes"}
        self.as_matrix = bool(shapes.intersection(MATRIX_SHAPES)) or "orthogonalize" in self.used
        self.whole = bool(shapes.intersection(WHOLE_SHAPES))
        kinds = program.signature.inputs
        self.numbers = [name for name in self.printer.positional() if kinds.get(name) is Kind.SCALAR]
        self.tensors = [name for name in self.printer.positional() if name not in self.numbers]

    def text(self, notes: Sequence[str], advice: str) -> str:
        title = f"{self.name}: an optax transformation, exported by Savanna from the rule `{self.original.name}`."
        facts = ["Numbers such as the bias corrections are as precise as JAX is told to be: 32 bits by default."]
        head = f"{preface(self.original, title, facts, notes, advice)}\n\n{self._imports()}"
        return "\n\n\n".join([head, *self._helpers(), self._update(), self._factory()]) + "\n"

    def _imports(self) -> str:
        lines = ["from collections.abc import Generator"] if self.whole else []
        lines += ["from typing import Any, NamedTuple", "", "import jax", "import jax.numpy as jnp", "import optax"]
        return "\n".join([*lines, "from jax import Array"])

    def _helpers(self) -> list[str]:
        helpers = [_AS_MATRIX] * self.as_matrix
        for op in self.used:
            if OPS[op].shape in WHOLE_SHAPES:
                arguments, body = _WHOLE[op]
                head = f"def {op}({arguments}) -> Generator[Array, Array, Array]:"
                helpers.append(f'{head}\n    """{OPS[op].doc[0].upper()}{OPS[op].doc[1:]}."""\n    {body}')
        helpers += [_ORTHOGONALIZE] * ("orthogonalize" in self.used) + [_INVERSE_ROOT] * ("inverse_root" in self.used)
        return helpers + [_IN_LOCKSTEP] * self.whole

    def _update(self) -> str:
        types = {"T": "float"} | dict.fromkeys([*self.tensors, "lr", "t", "loss"], "Array")
        items = [f"{name}: {types[name]}" for name in self.printer.positional()]
        items += ["axes: float"] if "axes" in self.used else []
        items += ["*", *self._declared()] if self.program.hypers else []
        result = "Generator[Array, Array, tuple[Array, ...]]" if self.whole else "tuple[Array, ...]"
        head = listed(f"def {self.function}(", items, f") -> {result}:", WIDTH)
        statements, outputs = self.printer.statements()
        if len(outputs) == 1:
            outputs = [f"({outputs[0]},)"]
        meaning = '"""What to subtract from the weights of one parameter, then the next value of each state."""'
        return "\n".join([head, *indented([meaning, *statements, returned(outputs)], 4)])

    def _declared(self) -> list[str]:
        return [f"{hyper.name}: float = {float(hyper.default)!r}" for hyper in self.program.hypers]

    def _factory(self) -> str:
        inputs, states = self.program.inputs, self.program.states
        leading = ["learning_rate: optax.ScalarOrSchedule"] if "lr" in inputs else []
        keywords = (["total_steps: int"] if "T" in inputs else []) + self._declared()
        extra = [name for name in ("loss", "h") if name in inputs]
        transformation = "GradientTransformationExtraArgs" if extra else "GradientTransformation"
        items = [*leading, *(["*", *keywords] if keywords else [])]
        camel = "".join(word[:1].upper() + word[1:] for word in self.name.split("_"))
        kept = [*states, *(["w0"] if "w0" in inputs else [])]
        made = [f'"{state}": jax.tree.map(lambda p: {self._made(state)}, params)' for state in kept]
        texts = {"w": "params", "g": "updates", "h": "curvature"}
        trees = [texts.get(name, f'state.states["{name}"]') for name in self.tensors]
        names = ", ".join(f'"{name}"' for name in states) + "," * (len(states) == 1)
        signature = ["updates: optax.Updates", f"state: {camel}State", "params: optax.Params | None = None"]
        given = {"loss": "value: Array | float", "h": "curvature: optax.Updates"}
        signature += ["*", *(given[name] for name in extra), "**_: Any"] if extra else []
        return _FACTORY.format(
            state_class=f"{camel}State",
            head=listed(f"def {self.name}(", items, f") -> optax.{transformation}:", WIDTH),
            arguments="\n".join(indented(self._documented(), 8)),
            hypers=listed(
                "{", [f'"{hyper.name}": {hyper.name}' for hyper in self.program.hypers], "}", WIDTH - 31
            ).replace("\n", "\n    "),
            states=listed("states: dict[str, Any] = {", made, "}", WIDTH - 8).replace("\n", "\n        "),
            signature="\n".join(indented([f"{item}," for item in signature], 8)),
            needs=_NEEDS_PARAMS if "w" in inputs else "",
            numbers="\n".join(indented(self._numbers(), 8)),
            trees=textwrap.indent(
                f"trees = ({trees[0]},)" if len(trees) == 1 else listed("trees = (", trees, ")", WIDTH - 8), " " * 8
            ),
            results=textwrap.indent(self._results(), " " * 8),
            next_states=textwrap.indent(
                _NEXT_STATES.format(names=names) if states else "states = state.states", " " * 8
            ),
            transformation=transformation,
        )

    def _documented(self) -> list[str]:
        lines = ["learning_rate: A number or a schedule."] if "lr" in self.program.inputs else []
        lines += ["total_steps: Number of steps that the training takes."] if "T" in self.program.inputs else []
        names = ", ".join(hyper.name for hyper in self.program.hypers)
        return lines + ([f"{names}: Constants of the rule, by default as it was found."] if names else [])

    def _made(self, state: str) -> str:
        """The first value of a state."""
        if state == "w0":
            return "p"
        kind = self.printer.facts.state_kinds[state]
        matrix = "as_matrix(p)" if self.as_matrix else "p"
        if kind is Kind.TENSOR:
            return f"jnp.zeros_like({matrix})"
        sides = {"1": "1", "r": "as_matrix(p).shape[0]", "c": "as_matrix(p).shape[1]"}
        shape = "" if kind in (Kind.SCALAR, Kind.PER_TENSOR) else ", ".join(sides[axis] for axis in kind.axes)
        return f"jnp.zeros(({shape}), p.dtype)"

    def _numbers(self) -> list[str]:
        texts = {"t": "1.0 * count", "T": "float(total_steps)", "loss": "jnp.asarray(value)", "lr": "jnp.asarray(rate)"}
        pairs = [f'"{name}": {texts[name]}' for name in self.numbers]
        lines = [listed("numbers: dict[str, Any] = {", [*pairs, "**hypers"], "}", WIDTH - 8)]
        if "lr" in self.numbers:
            lines.insert(0, "rate = learning_rate(state.count) if callable(learning_rate) else learning_rate")
        return lines

    def _results(self) -> str:
        """The statements that apply the rule to every leaf."""
        arguments = ["*each"]
        if self.as_matrix:
            seen = [name for name in self.tensors if name in ("w", "g", "w0", "h")]
            arguments = [f"*map(as_matrix, each[:{len(seen)}])", f"*each[{len(seen)}:]"]
        axes = [f"axes=float(each[{self.tensors.index('g')}].ndim)"] if "axes" in self.used else []
        call = f"{self.function}({', '.join([*arguments, *axes, '**numbers'])})"
        name = "rules" if self.whole else "results"
        text = comprehension(f"{name} = [", call, "for each in zip(*leaves, strict=True)", "]", WIDTH - 8)
        return f"{text}\nresults = in_lockstep(rules)" if self.whole else text
