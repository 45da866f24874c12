"""Program to a PyTorch optimizer: the source text of one self-contained file.

The file holds the rule as a pure function, whose body `programs.torch_source` writes, and around it a thin
`torch.optim.Optimizer` with a single step loop. Nothing here imports torch: to export is to write text.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from programs.check import check
from programs.ir import Arg, Program, Ref
from programs.kinds import Kind
from programs.matrix import NEWTON_SCHULZ, NEWTON_SCHULZ_EPS, NEWTON_SCHULZ_STEPS
from programs.ops import OPS
from programs.show import listed, number, returned, show
from programs.torch_source import UNUSABLE, TorchPrinter, without_clashes

_WIDTH = 120
_IMPORTED = frozenset(["Any", "Callable", "ParamsT", "Tensor", "math", "on_numbers"])
_BUILT_IN = frozenset(["RuntimeError", "ValueError", "dict", "float", "int", "super", "tuple"])
_INPUTS = {
    "w": "p",
    "g": "p.grad",
    "lr": 'float(group["lr"])',
    "t": 'float(state["step"])',
    "T": 'float(group["total_steps"])',
}

_ON_NUMBERS = '''\
def on_numbers(function: Callable[..., Tensor]) -> Callable[..., float]:
    """Let `function` take and return plain numbers, with infinity or NaN where Python would raise an error."""
    return lambda *args: function(*(torch.tensor(arg, dtype=torch.float64) for arg in args)).item()'''

_ORTHOGONALIZE = f'''\
def orthogonalize(x: Tensor) -> Tensor:
    """Push the singular values of `x` towards 1, as a matrix of its first axis by all others; a vector is one row.

    {NEWTON_SCHULZ_STEPS} Newton-Schulz steps, as in Muon (Jordan et al. 2024).
    """
    a, b, c = {", ".join(map(str, NEWTON_SCHULZ))}
    matrix = x.flatten(1) if x.dim() > 1 else x.reshape(1, -1)
    tall = matrix.shape[0] > matrix.shape[1]
    y = matrix.mT if tall else matrix
    y = y / (torch.sqrt(torch.square(y).sum()) + {number(NEWTON_SCHULZ_EPS)})
    for _ in range({NEWTON_SCHULZ_STEPS}):
        gram = y @ y.mT
        y = a * y + (b * gram + c * gram @ gram) @ y
    return (y.mT if tall else y).reshape(x.shape)'''

_CLASS = '''\
class {class_name}(torch.optim.Optimizer):
    """Applies `{function}` to every parameter.

    Args:
{arguments}
    """

{methods}'''

_ADD_PARAM_GROUP = '''\
def add_param_group(self, param_group: dict[str, Any]) -> None:
    """Add parameters with settings of their own, which are checked like those of the constructor."""
    {limits}
    for name, (low, high) in limits.items():
        value = float(param_group.get(name, self.defaults[name]))
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{{name}} must be a finite number from {{low}} to {{high}}, not {{value}}")
    super().add_param_group(param_group)'''

_STEP = '''\
@torch.no_grad()
def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
    """Update every parameter that has a gradient. A `closure` first computes the loss anew, which is returned."""
    loss = None
    if closure is not None:
        with torch.enable_grad():
            loss = closure()
    for group in self.param_groups:
        for p in group["params"]:
            if p.grad is None:
                continue
            if p.grad.layout is not torch.strided:
                raise RuntimeError("{class_name} does not support sparse gradients")
{update}
            p.sub_(update)
    return loss'''


def export(program: Program, *, class_name: str | None = None, notes: Sequence[str] = ()) -> str:
    """The source of a Python file with a `torch.optim.Optimizer` that applies exactly this update rule.

    Args:
        program: An update rule. It is exported as it is; simplify it first for the shortest file.
        class_name: What the optimizer is called; by default the rule's name in CamelCase.
        notes: Paragraphs for the docstring of the file: where the rule comes from, how it scored.

    Raises:
        CheckError: The program is not a legal rule.
        ValueError: `class_name` cannot be the name of the class.
    """
    if class_name is None:
        class_name = camel_case(program.name)
    elif not _is_free(class_name):
        raise ValueError(f"{class_name!r} cannot be the name of an optimizer class.")
    return _File(program, class_name).text(notes)


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a user of the optimizer may choose, for all parameters or for a group."""

    name: str
    declared: str
    limits: str = "(-math.inf, math.inf)"


def _settings(program: Program, bounded: Collection[str]) -> list[_Setting]:
    settings = []
    if "lr" in program.inputs:
        settings.append(_Setting("lr", "lr: float", "(0, math.inf)"))
    if "T" in program.inputs:
        settings.append(_Setting("total_steps", "total_steps: int", "(1, math.inf)"))
    for hyper in program.hypers:
        default = repr(hyper.default) if hyper.default.is_integer() else number(hyper.default)
        setting = _Setting(hyper.name, f"{hyper.name}: float = {default}")
        settings.append(replace(setting, limits="(-1, 1)") if hyper.name in bounded else setting)
    return settings


class _File:
    """The parts of one exported file, in the order in which they stand there."""

    def __init__(self, program: Program, class_name: str) -> None:
        self.original = program
        self.program = without_clashes(program)
        self.state_kinds = check(self.program).state_kinds
        self.printer = TorchPrinter(self.program)
        self.class_name = class_name
        self.function = f"{program.name}_update"
        self.settings = _settings(self.program, self.printer.bounded)
        self.hypers = [setting for setting in self.settings if setting.name not in ("lr", "total_steps")]

    def text(self, notes: Sequence[str]) -> str:
        head = f"{self._docstring(notes)}\n\n{self._imports()}"
        return "\n\n\n".join([head, *self._helpers(), self._update(), self._class()]) + "\n"

    def _docstring(self, notes: Sequence[str]) -> str:
        rule = show(self.original).rstrip()
        meaning = "It computes what is subtracted from the weights `w`, given their gradient `g`"
        meaning += ", and the next value of each state; states start at zero." if self.program.states else "."
        if "interp(" in rule:
            meaning += " Here interp(x, y, a) is (1 - a) * x + a * y."
        title = f"{self.class_name}: a PyTorch optimizer, exported by Savanna from the rule `{self.original.name}`."
        paragraphs = [_wrapped(title), textwrap.indent(rule, "    "), _wrapped(meaning), *map(_note, notes)]
        return '"""' + "\n\n".join(paragraphs) + '\n"""'

    def _imports(self) -> str:
        standard = ["from collections.abc import Callable"]
        if self.settings:
            standard = ["import math", *standard, "from typing import Any"]
        torch = ["import torch", "from torch import Tensor", "from torch.optim.optimizer import ParamsT"]
        return "\n".join([*standard, "", *torch])

    def _helpers(self) -> list[str]:
        helpers = []
        if self.printer.helpers:
            helpers += [_ON_NUMBERS, "\n".join(map(_on_numbers, self.printer.helpers))]
        if any(instr.op == "orthogonalize" for instr in self.program.body):
            helpers.append(_ORTHOGONALIZE)
        return helpers

    def _update(self) -> str:
        states = self.program.states
        items = [
            f"{name}: {'Tensor' if name in ('w', 'g', *states) else 'float'}" for name in self.printer.positional()
        ]
        items += ["*", *(hyper.declared for hyper in self.hypers)] if self.hypers else []
        head = listed(f"def {self.function}(", items, f") -> {'tuple[Tensor, ...]' if states else 'Tensor'}:", _WIDTH)
        meaning = "What to subtract from the weights of one parameter"
        meaning += ", then the next value of each state." if states else "."
        statements, (update, *nexts) = self.printer.statements()
        outputs = [update, *map(self._next_state, self.program.next_states, nexts)]
        return "\n".join([head, *_indented([f'"""{meaning}"""', *statements, returned(outputs)], 4)])

    def _next_state(self, arg: Arg, text: str) -> str:
        """A state's next value, as a tensor that the training loop does not change."""
        if self.printer.is_number(arg):
            return f"g.new_tensor({text})"
        return f"{text}.clone()" if arg in (Ref("w"), Ref("g")) else text

    def _class(self) -> str:
        names = [setting.name for setting in self.settings]
        arguments = ["params: Parameters to train, or groups of them with settings of their own."]
        if "lr" in names:
            arguments.append("lr: Learning rate, not negative; schedulers may change it.")
        if "total_steps" in names:
            arguments.append("total_steps: Number of steps that the training takes.")
        if self.hypers:
            constants = ", ".join(hyper.name for hyper in self.hypers)
            arguments.append(f"{constants}: Constants of the rule, by default as it was found.")
        return _CLASS.format(
            class_name=self.class_name,
            function=self.function,
            arguments="\n".join(_wrapped(text, " " * 8, " " * 12) for text in arguments),
            methods="\n\n".join(_indented([self._constructor(), *self._add_param_group(), self._step()], 4)),
        )

    def _constructor(self) -> str:
        leading = [setting.declared for setting in self.settings if setting.name == "lr"]
        keywords = [setting.declared for setting in self.settings if setting.name != "lr"]
        items = ["self", "params: ParamsT", *leading, *(["*", *keywords] if keywords else [])]
        defaults = [f'"{setting.name}": {setting.name}' for setting in self.settings]
        body = [listed("defaults = {", defaults, "}", _WIDTH - 8), "super().__init__(params, defaults)"]
        return "\n".join([listed("def __init__(", items, ") -> None:", _WIDTH - 4), *_indented(body, 4)])

    def _add_param_group(self) -> list[str]:
        if not self.settings:
            return []
        limits = [f'"{setting.name}": {setting.limits}' for setting in self.settings]
        return [_ADD_PARAM_GROUP.format(limits=listed("limits = {", limits, "}", _WIDTH - 8).replace("\n", "\n    "))]

    def _step(self) -> str:
        states = {name: f'state["{name}"]' for name in self.program.states}
        arguments = [states.get(name) or _INPUTS[name] for name in self.printer.positional()]
        arguments += [f'{hyper.name}=group["{hyper.name}"]' for hyper in self.hypers]
        width = _WIDTH - 16
        opening = f"{', '.join(['update', *states.values()])} = {self.function}("
        if len(opening) > width:
            opening = listed("(", ["update", *states.values()], f") = {self.function}(", width=0)
        lines = [*self._state(states), listed(opening, arguments, ")", width)]
        return _STEP.format(class_name=self.class_name, update="\n".join(_indented(lines, 12)))

    def _state(self, states: Mapping[str, str]) -> list[str]:
        """The lines of the loop that make a parameter's state at its first step, and count its steps."""
        zeros = {
            name: "torch.zeros_like(p)" if kind is Kind.TENSOR else "p.new_zeros(())"
            for name, kind in self.state_kinds.items()
        }
        first = [f"{text} = {zeros[name]}" for name, text in states.items()]
        count = []
        if "t" in self.program.inputs:
            first.insert(0, 'state["step"] = 0')
            count = ['state["step"] += 1']
        if not first:
            return []
        return ["state = self.state[p]", "if not state:", *_indented(first, 4), *count]


def camel_case(text: str) -> str:
    """A name for a class made from that of a rule or a file, or something like it where that is taken."""
    camel = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text))
    return camel if _is_free(camel) else f"Rule{camel}"


def _is_free(name: str) -> bool:
    """Whether the class may have this name."""
    clashes = name in {*_IMPORTED, *_BUILT_IN, *UNUSABLE, *OPS}
    return name.isidentifier() and not keyword.iskeyword(name) and not clashes


def _on_numbers(op: str) -> str:
    """The line that defines a helper: an operation on plain numbers, under the name it has in the rule."""
    names = ["x", "y", "z"][: OPS[op].arity]
    function = f"lambda {', '.join(names)}: {OPS[op].torch.format(*names)}"
    bare = OPS[op].torch.partition("(")[0]
    if OPS[op].torch == f"{bare}({', '.join(f'{{{i}}}' for i in range(len(names)))})":
        function = bare
    return f"{op} = on_numbers({function})"


def _note(text: str) -> str:
    """A paragraph that may stand in a docstring."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return _wrapped(printable.replace("\\", "\\\\").replace('"""', "'''"))


def _wrapped(text: str, indent: str = "", hanging: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


def _indented(blocks: Iterable[str], spaces: int) -> list[str]:
    return [textwrap.indent(block, " " * spaces) for block in blocks]
