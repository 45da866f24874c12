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

from programs.ir import Arg, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS
from programs.show import listed, number, returned, show
from programs.torch_file import (
    ADD_PARAM_GROUP,
    AS_MATRIX,
    CLASS,
    CURVATURES,
    IN_LOCKSTEP,
    INVERSE_ROOT,
    ON_NUMBERS,
    ORTHOGONALIZE,
    STEP,
    STEP_WITH_LOSS,
    whole,
)
from programs.torch_source import MATRIX_SHAPES, UNUSABLE, WHOLE_SHAPES, TorchPrinter, without_clashes

_WIDTH = 120
_IMPORTED = frozenset(["Any", "Callable", "Generator", "ParamsT", "Tensor", "math"])
_BUILT_IN = frozenset(
    [
        "RuntimeError",
        "StopIteration",
        "ValueError",
        "dict",
        "float",
        "int",
        "list",
        "next",
        "range",
        "str",
        "super",
        "tuple",
        "zip",
    ]
)
_HELPERS = frozenset(["as_matrix", "curvatures", "in_lockstep", "on_numbers"])
_INPUTS = {
    "w": "p",
    "g": "p.grad",
    "w0": 'state["w0"]',
    "h": "curvature[p]",
    "loss": "float(loss)",
    "lr": 'float(group["lr"])',
    "t": 'float(state["step"])',
    "T": 'float(group["total_steps"])',
}


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
    elif not _is_free(class_name) or class_name == _function_name(program):
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
        self.printer = TorchPrinter(self.program)
        self.state_kinds = self.printer.facts.state_kinds
        self.as_matrix = bool(self.printer.shapes.intersection(MATRIX_SHAPES))
        self.whole = bool(self.printer.shapes.intersection(WHOLE_SHAPES))
        self.class_name = class_name
        self.function = _function_name(program)
        self.counts_axes = any(instr.op == "axes" for instr in self.program.body)
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
        standard = [f"from collections.abc import {'Callable, Generator' if self.whole else 'Callable'}"]
        if self.settings:
            standard.insert(0, "import math")
        if self.settings or self.whole:
            standard.append("from typing import Any")
        torch = ["import torch", "from torch import Tensor", "from torch.optim.optimizer import ParamsT"]
        return "\n".join([*standard, "", *torch])

    def _helpers(self) -> list[str]:
        helpers = []
        if self.printer.helpers:
            helpers += [ON_NUMBERS, "\n".join(map(_on_numbers, self.printer.helpers))]
        used = {instr.op for instr in self.program.body}
        wanted = {
            AS_MATRIX: self.as_matrix,
            ORTHOGONALIZE: "orthogonalize" in used,
            INVERSE_ROOT: "inverse_root" in used,
            IN_LOCKSTEP: self.whole,
            CURVATURES.format(class_name=self.class_name): "h" in self.program.inputs,
        }
        helpers += [whole(op) for op in OPS if op in used and OPS[op].shape in WHOLE_SHAPES]
        return helpers + [helper for helper, is_wanted in wanted.items() if is_wanted]

    def _update(self) -> str:
        states, kinds = self.program.states, self.program.signature.inputs
        tensors = {*states, *(name for name in self.program.inputs if kinds[name] is Kind.TENSOR)}
        items = [f"{name}: {'Tensor' if name in tensors else 'float'}" for name in self.printer.positional()]
        items += ["axes: float"] if self.counts_axes else []
        items += ["*", *(hyper.declared for hyper in self.hypers)] if self.hypers else []
        result = "tuple[Tensor, ...]" if states else "Tensor"
        result = f"Generator[Tensor, Tensor, {result}]" if self.whole else result
        head = listed(f"def {self.function}(", items, f") -> {result}:", _WIDTH)
        meaning = "What to subtract from the weights of one parameter"
        meaning += ", a matrix" if self.as_matrix else ""
        meaning += ", then the next value of each state." if states else "."
        statements, (update, *nexts) = self.printer.statements()
        outputs = [update, *map(self._next_state, self.program.next_states, nexts)]
        return "\n".join([head, *_indented([f'"""{meaning}"""', *statements, returned(outputs)], 4)])

    def _next_state(self, arg: Arg, text: str) -> str:
        """A state's next value, as a tensor that the training loop does not change."""
        if self.printer.is_number(arg):
            return f"g.new_tensor({text})"
        source = arg
        while isinstance(source, Var) and self.program.body[source.index].op == "transpose":  # shares memory
            source = self.program.body[source.index].args[0]
        return f"{text}.clone()" if source in (Ref("w"), Ref("g")) else text

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
        return CLASS.format(
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
        return [ADD_PARAM_GROUP.format(limits=listed("limits = {", limits, "}", _WIDTH - 8).replace("\n", "\n    "))]

    def _step(self) -> str:
        """The training loop; where the rule looks at all parameters, it first starts the rule for every one of them."""
        states = {name: f'state["{name}"]' for name in self.program.states}
        results = ", ".join(["update", *states.values()])
        before, after = [], []
        if "h" in self.program.inputs:
            params = 'p for group in self.param_groups for p in group["params"] if p.grad is not None'
            before.append(f"curvature = curvatures([{params}])")
        if self.whole:
            before.append("chosen, rules = [], []")
            rule = listed(f"rule = {self.function}(", self._arguments(states), ")", _WIDTH - 16)
            lines = ["chosen.append(p)", rule, "rules.append(rule)"]
            changed = [*(["state = self.state[p]", f"{results} = result"] if states else ["update = result"])]
            after = ["for p, result in zip(chosen, in_lockstep(rules), strict=True):", *_indented(changed, 4)]
            after += _indented([self._subtraction()], 4)
        else:
            lines = [self._assignment(states, results), self._subtraction()]
        template = STEP_WITH_LOSS if "loss" in self.program.inputs else STEP
        text = template.format(
            class_name=self.class_name,
            before="\n".join(_indented(before, 4)),
            update="\n".join(_indented([*self._state(states), *lines], 12)),
            after="\n".join(_indented(after, 4)),
        )
        return re.sub(r"\n\n+", "\n", text)

    def _arguments(self, states: Mapping[str, str]) -> list[str]:
        """What the loop gives the rule, in the order of its head."""
        names = dict(_INPUTS)
        if self.as_matrix:
            names |= {name: f"as_matrix({names[name]})" for name in ("w", "g", "w0", "h")}
        arguments = [states.get(name) or names[name] for name in self.printer.positional()]
        arguments += ["float(p.dim())"] if self.counts_axes else []
        return arguments + [f'{hyper.name}=group["{hyper.name}"]' for hyper in self.hypers]

    def _assignment(self, states: Mapping[str, str], results: str) -> str:
        width = _WIDTH - 16
        opening = f"{results} = {self.function}("
        if len(opening) > width:
            opening = listed("(", ["update", *states.values()], f") = {self.function}(", width=0)
        return listed(opening, self._arguments(states), ")", width)

    def _subtraction(self) -> str:
        return f"p.sub_({'update.reshape(p.shape)' if self.as_matrix else 'update'})"

    def _state(self, states: Mapping[str, str]) -> list[str]:
        """The lines of the loop that make a parameter's state at its first step, and count its steps."""
        first = [f"{text} = {self._zeros(name)}" for name, text in states.items()]
        if any(self.state_kinds[name] not in _NO_SIDES for name in states):
            first.insert(0, "rows, columns = as_matrix(p).shape")
        if "w0" in self.program.inputs:
            first.append('state["w0"] = p.clone()')
        count = []
        if "t" in self.program.inputs:
            first.insert(0, 'state["step"] = 0')
            count = ['state["step"] += 1']
        if not first:
            return []
        return ["state = self.state[p]", "if not state:", *_indented(first, 4), *count]

    def _zeros(self, state: str) -> str:
        kind = self.state_kinds[state]
        if kind is Kind.TENSOR:
            return f"torch.zeros_like({'as_matrix(p)' if self.as_matrix else 'p'})"
        sides = [{"1": "1", "r": "rows", "c": "columns"}[axis] for axis in kind.axes]
        return "p.new_zeros(())" if kind in _NO_SIDES else f"p.new_zeros({', '.join(sides)})"


_NO_SIDES = (Kind.SCALAR, Kind.PER_TENSOR, Kind.TENSOR)
"""Kinds of which no state needs to know the rows and columns."""


def _function_name(program: Program) -> str:
    return f"{program.name}_update"


def camel_case(text: str) -> str:
    """A name for a class made from that of a rule or a file, or something like it where that is taken."""
    camel = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text))
    return camel if _is_free(camel) else f"Rule{camel}"


def _is_free(name: str) -> bool:
    """Whether the class may have this name."""
    clashes = name in {*_BUILT_IN, *_IMPORTED, *_HELPERS, *UNUSABLE, *OPS}
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
