"""The body of a rule as torch source: the printer of `programs.show` with other texts for the operations.

Numbers that depend on no tensor are plain Python floats, as readable as in the rule. Where IEEE 754 has infinity or NaN
(`1 / 0`, `sqrt(-1)`) Python raises an error, so whatever might raise is a call of a helper that computes in torch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from programs.check import check
from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS, Shape
from programs.show import Printer

UNUSABLE = frozenset(["torch", "jax", "jnp", "optax", "float", "l", "O", "I"])
"""Names that the source uses otherwise, or that are too easily read as digits."""
_UNUSABLE_IN_HEAD = frozenset(
    [
        *("self", "super", "params", "param_names", "total_steps", "initial_lr", "step", "foreach", "fused"),
        *("numbers", "zip", "local", "as_matrix", "learning_rate"),
    ]
)
"""Names that the class or the loops use otherwise."""
_NUMBERS = {op: OPS[op].torch for op in ("add", "sub", "mul", "neg", "interp", "cube")} | {
    "square": "{0} * {0}",
    "abs": "abs({0})",
}
"""Operations on plain numbers that Python computes as IEEE 754 says."""
_NUMBER_FIRST = {
    "maximum": "torch.clamp({1}, min={0})",
    "minimum": "torch.clamp({1}, max={0})",
    "greater": "torch.lt({1}, {0}).to({1}.dtype)",
}
"""The table's torch expressions want a tensor first."""
_LARGEST_HALF = 65504.0
MATRIX_SHAPES = (Shape.BY_ROW, Shape.BY_COLUMN, Shape.TRANSPOSE, Shape.PRODUCT, Shape.SQUARE, Shape.SIZE)
"""Operations that want every parameter as a matrix."""
_ASKING = re.compile(r"^(\w+ = )\((yield from .*)\)$")
WHOLE_SHAPES = (Shape.GLOBAL, Shape.RESCALING)
"""Operations that look at all parameters at once."""


def without_clashes(program: Program) -> Program:
    """The same program, its names changed by a trailing underscore where an exported file could not use them."""
    head = {*program.states, *(hyper.name for hyper in program.hypers)}
    names = head.union(instr.name for instr in program.body)
    others = {}
    for name in (names & UNUSABLE) | (head & {*_UNUSABLE_IN_HEAD, f"{program.name}_update"}):
        other = f"{name}_"
        while other in names:
            other += "_"
        others[name] = other

    def renamed(arg: Arg) -> Arg:
        return Ref(others.get(arg.name, arg.name)) if isinstance(arg, Ref) else arg

    return replace(
        program,
        states=tuple(others.get(name, name) for name in program.states),
        hypers=tuple(replace(hyper, name=others.get(hyper.name, hyper.name)) for hyper in program.hypers),
        body=tuple(
            Instr(instr.op, tuple(map(renamed, instr.args)), others.get(instr.name, instr.name))
            for instr in program.body
        ),
        outputs=tuple(map(renamed, program.outputs)),
    )


class TorchPrinter(Printer):
    """Writes the body of a program as torch source.

    Attributes:
        facts: What the check found out.
        shapes: The shapes of its operations.
        helpers: Operations that the source calls by their bare name on plain numbers, in the order of the table.
        bounded: Hyperparameters that the source raises to the power `t`, which overflows above 1.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.facts = check(program)
        self.shapes = {OPS[instr.op].shape for instr in program.body}
        scalars = [name for name in program.inputs if program.signature.inputs[name] is Kind.SCALAR]
        self.hypers = {Ref(hyper.name): hyper.default for hyper in program.hypers}
        self.numbers: set[Arg] = {*map(Ref, scalars), *self.hypers}
        for index, instr in enumerate(program.body):
            computed = OPS[instr.op].shape is Shape.ELEMENTWISE and all(map(self.is_number, instr.args))
            if computed or OPS[instr.op].shape is Shape.SIZE:
                self.numbers.add(Var(index))
        # The source makes tensors by `g.new_tensor`, so that no number may be called `g` in the end.
        body = enumerate(program.body)
        unnamed = [
            replace(instr, name="") if Var(i) in self.numbers and instr.name == "g" else instr for i, instr in body
        ]
        self.program = replace(program, body=tuple(unnamed))
        called = {instr.op for instr in program.body if self._is_risky(instr)}
        self.helpers = [name for name in OPS if name in called]
        powers = [instr for instr in program.body if self._is_decay(instr)]
        self.bounded = sorted({arg.name for instr in powers for arg in instr.args[:1] if isinstance(arg, Ref)})

    def statements(self) -> tuple[list[str], list[str]]:
        """The assignments in order, and the outputs, without parentheses that a formatter would take away."""
        statements, outputs = super().statements()
        bare = [_ASKING.sub(r"\1\2", statement) for statement in statements]
        return [b if _reading(b) == _reading(s) else s for b, s in zip(bare, statements, strict=True)], outputs

    def is_number(self, arg: Arg) -> bool:
        """Whether the source computes `arg` as a plain number: a constant, or what depends on no tensor."""
        return isinstance(arg, Const) or arg in self.numbers

    def application(self, instr: Instr, args: Sequence[tuple[str, int]]) -> tuple[str, int]:
        """The text of one operation in torch, or in plain Python on numbers, with no word on how tightly it binds."""
        if not all(isinstance(arg, Const) for arg in instr.args):
            return filled(self._template(instr), [text for text, _ in args]), 0
        # Floats, not whole numbers: in Python those grow without end instead of overflowing.
        values = [arg.value for arg in instr.args if isinstance(arg, Const)]
        if instr.op == "neg":
            return repr(-values[0]), 0
        return filled(self._template(instr), [repr(value) for value in values]), 0

    def inlinable(self, instr: Instr) -> tuple[Arg, ...]:
        """The arguments that the source mentions once; `--x` would read like a decrement."""
        template = self._template(instr)
        once = [arg for i, arg in enumerate(instr.args) if template.count(f"{{{i}}}") == 1]
        return tuple(arg for arg in once if not (instr.op == "neg" and self._is_negation(arg)))

    def _is_negation(self, arg: Arg) -> bool:
        return isinstance(arg, Var) and self.program.body[arg.index].op == "neg"

    def _template(self, instr: Instr) -> str:
        if OPS[instr.op].shape is not Shape.ELEMENTWISE:
            return self._whole_template(instr)
        if not all(map(self.is_number, instr.args)):
            return self._tensor_template(instr)
        if self._is_risky(instr):
            return f"{instr.op}({', '.join(f'{{{i}}}' for i in range(len(instr.args)))})"
        return _NUMBERS.get(instr.op) or {"div": "{0} / {1}", "reciprocal": "1 / {0}", "power": "{0}**{1}"}[instr.op]

    def _is_risky(self, instr: Instr) -> bool:
        """Whether an operation on plain numbers could raise an error in Python, or is not there."""
        elementwise = OPS[instr.op].shape is Shape.ELEMENTWISE
        if instr.op in _NUMBERS or not elementwise or not all(map(self.is_number, instr.args)):
            return False
        if instr.op in ("div", "reciprocal"):
            divisor = instr.args[-1]
            return divisor not in (Ref("t"), Ref("T")) and not (isinstance(divisor, Const) and divisor.value != 0)
        return not self._is_decay(instr)

    def _is_decay(self, instr: Instr) -> bool:
        """Whether this is a number of size 1 at most to the power `t`, as in `beta1 ** t`."""
        if instr.op != "power" or instr.args[1] != Ref("t"):
            return False
        base = instr.args[0]
        if isinstance(base, Const):
            return 0 <= base.value <= 1
        return base in self.hypers and abs(self.hypers[base]) <= 1

    def _tensor_template(self, instr: Instr) -> str:
        """The table's torch expression, with numbers made tensors where torch takes no number or not any number."""
        op, args = OPS[instr.op], instr.args
        numbers = [i for i, arg in enumerate(args) if self.is_number(arg)]
        if not numbers:
            return op.torch
        like = next(i for i in range(len(args)) if i not in numbers)
        template = _NUMBER_FIRST.get(op.name, op.torch) if numbers[0] == 0 else op.torch
        needs = {self._needs_tensor(instr, i) for i in numbers}
        fixed = all(
            isinstance(arg, Const) or arg in self.hypers for arg in args[1:]
        )  # others may be tensors in `fused`
        if op.name == "clip" and numbers == [1, 2] and (needs == {True} or (needs == {False} and fixed)):
            template = "torch.clamp({0}, {1}, {2})"
        tensor = "torch.as_tensor({{{}}}, dtype={{{}}}.dtype)"
        parts = [tensor.format(i, like) if self._needs_tensor(instr, i) else f"{{{i}}}" for i in range(len(args))]
        return template.format(*parts)

    def _whole_template(self, instr: Instr) -> str:
        """An operation on whole parameters: its arguments are tensors, and for a matrix operation matrices."""
        op = OPS[instr.op]
        if op.name == "axes":
            return "axes"  # the loop counts them before it makes a matrix of the parameter
        if op.shape is Shape.SIZE and self.is_number(instr.args[0]):
            return "1.0"
        template = op.torch
        if op.shape in WHOLE_SHAPES:  # the table's expression sees one parameter, the helper asks for all of them
            template = f"(yield from {op.name}({', '.join(f'{{{i}}}' for i in range(op.arity))}))"
        tensors = 1 if op.shape in (Shape.RESCALING, Shape.SQUARE) else op.arity
        kinds = [self.facts.kind(arg) for arg in instr.args]
        parts = []
        for place, (arg, kind) in enumerate(zip(instr.args, kinds, strict=True)):
            part = f"{{{place}}}"
            if place < tensors and self.is_number(arg):
                part = f"g.new_tensor({part})"
            if place < tensors and kind is Kind.PER_TENSOR and op.shape in MATRIX_SHAPES:
                part = f"{part}.reshape(1, 1)"
            parts.append(part)
        return template.format(*parts)

    def _needs_tensor(self, instr: Instr, index: int) -> bool:
        """Whether torch refuses a number as this argument among tensors, or computes something else."""
        arg, name = instr.args[index], instr.op
        if not self.is_number(arg) or name in ("add", "sub", "mul", "interp", "power", "greater"):
            return False
        if name == "div":
            return index == 0 and arg != Const(1.0)  # torch multiplies by the reciprocal, which may overflow
        if name in ("clip", "where") and index == 0:
            return True
        if name == "where" and index == 1 and self.is_number(instr.args[2]):
            return True  # torch gives a choice between two numbers its default type
        return not self._fits(arg)

    def _fits(self, arg: Arg) -> bool:
        """Whether a number fits every floating-point type; `clamp` and `where` refuse numbers that do not."""
        return arg in self.hypers or arg == Ref("lr") or (isinstance(arg, Const) and abs(arg.value) <= _LARGEST_HALF)


def filled(template: str, texts: Sequence[str]) -> str:
    """A template of the table with its placeholders replaced, in parentheses only where Python reads them otherwise."""
    parts = [f"({text})" for text in texts]
    meaning = _reading(template.format(*parts))
    for index, text in enumerate(texts):
        if _reading(template.format(*parts[:index], text, *parts[index + 1 :])) == meaning:
            parts[index] = text
    return template.format(*parts)


def _reading(source: str) -> str:
    """What Python makes of an expression; empty where it cannot read it, as with `2.mean()`."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return ""
