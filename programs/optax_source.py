"""The body of a rule as JAX source: the table in `jax.numpy`, for `programs.optax_file`.

Everything that depends on the learning rate, the step or a parameter is an array, also while JAX traces; only constants
and hyperparameters are plain Python numbers. What Python would refuse to compute of those is a call of `jax.numpy`.
"""

from __future__ import annotations

from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS, Shape
from programs.torch_source import MATRIX_SHAPES, WHOLE_SHAPES, TorchPrinter

_PYTHON = {op: OPS[op].torch for op in ("add", "sub", "mul", "neg", "interp", "cube")}
"""Operations that Python computes as IEEE 754 says, on numbers as on arrays."""
_ARRAYS = {
    **_PYTHON,
    "div": "{0} / {1}",
    "reciprocal": "1 / {0}",
    "power": "jnp.power({0}, {1})",
    "exp10": "jnp.power(10.0, {0})",
    "sign": "jnp.sign(jnp.nan_to_num({0}))",
    "clip": "jnp.minimum(jnp.maximum({0}, {1}), {2})",
    "greater": "1.0 * jnp.greater({0}, {1})",
    "where": "jnp.where({0} != 0, {1}, {2})",
    "rms": "jnp.sqrt(jnp.mean(jnp.square({0})))",
    "norm": "jnp.sqrt(jnp.sum(jnp.square({0})))",
    "dot": "jnp.sum({0} * {1})",
    "rows": "float({0}.shape[0])",
    "columns": "float({0}.shape[1])",
    "row_mean": "jnp.mean({0}, axis=1, keepdims=True)",
    "row_norm": "jnp.sqrt(jnp.sum(jnp.square({0}), axis=1, keepdims=True))",
    "row_max": "jnp.max({0}, axis=1, keepdims=True)",
    "column_mean": "jnp.mean({0}, axis=0, keepdims=True)",
    "column_norm": "jnp.sqrt(jnp.sum(jnp.square({0}), axis=0, keepdims=True))",
    "column_max": "jnp.max({0}, axis=0, keepdims=True)",
    "transpose": "{0}.T",
    "matmul": "{0} @ {1}",
    "orthogonalize": "orthogonalize({0})",
    "inverse_root": "inverse_root({0}, {1}, {2})",
    "axes": "axes",
}
_ARRAYS |= {
    op: f"jnp.{op}({{0}})"
    for op in (
        *("square", "sqrt", "cbrt", "abs", "floor", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"),
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
        *("sum", "mean", "std", "max", "min"),
    )
}
_ARRAYS |= {op: f"jnp.{op}({{0}}, {{1}})" for op in ("maximum", "minimum")}
_ARRAYS |= {
    op.name: f"(yield from {op.name}({', '.join(f'{{{i}}}' for i in range(op.arity))}))"
    for op in OPS.values()
    if op.shape in WHOLE_SHAPES
}


class OptaxPrinter(TorchPrinter):
    """Writes the body of a program as JAX source.

    Attributes:
        plain: What is a Python number.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.plain: set[Arg] = {Ref("T"), *self.hypers}
        for index, instr in enumerate(program.body):
            in_python = instr.op in _PYTHON and all(map(self._is_plain, instr.args))
            if in_python or OPS[instr.op].shape is Shape.SIZE:
                self.plain.add(Var(index))

    def _is_plain(self, arg: Arg) -> bool:
        return isinstance(arg, Const) or arg in self.plain

    def _template(self, instr: Instr) -> str:
        op, args = OPS[instr.op], instr.args
        if all(map(self._is_plain, args)) and op.name in ("div", "reciprocal"):
            return "jnp.divide({0}, {1})" if op.name == "div" else "jnp.reciprocal({0})"
        if op.shape is Shape.ELEMENTWISE:
            return _ARRAYS[op.name]
        if op.shape is Shape.SIZE and op.name != "axes" and self.is_number(args[0]):
            return "1.0"
        tensors = 1 if op.shape in (Shape.RESCALING, Shape.SQUARE) else op.arity
        parts = [f"{{{place}}}" for place in range(op.arity)]
        for place, arg in enumerate(args[:tensors]):
            if self.is_number(arg):
                parts[place] = f"jnp.asarray({parts[place]})"
            if op.shape in MATRIX_SHAPES and self.facts.kind(arg) is Kind.PER_TENSOR:
                parts[place] += ".reshape(1, 1)"
        return _ARRAYS[op.name].format(*parts)


assert _ARRAYS.keys() == OPS.keys(), "every row has a meaning in JAX"
