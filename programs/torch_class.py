"""The class of an exported file, and the ways in which it goes through the parameters.

`one_by_one` applies the rule to one parameter after another; `<rule>_foreach` to lists of them (`torch_foreach`);
`fused` is `one_by_one` compiled by torch. All three take the same lists and change weights and states in place, so that
the class has one loop.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from programs.ir import Arg, Program, Ref
from programs.kinds import Kind
from programs.ops import OPS, Shape
from programs.preface import WIDTH, indented, wrapped
from programs.show import listed, number
from programs.torch_file import (
    ADD_PARAM_GROUP,
    BATCHES,
    CACHED,
    CLASS,
    CUT,
    FOREACH,
    FUSED,
    LOCAL,
    ONE_BY_ONE,
    PARTS,
    STEP,
    STEP_WITH_LOSS,
)
from programs.torch_foreach import LISTABLE, ForeachPrinter
from programs.torch_source import MATRIX_SHAPES, WHOLE_SHAPES, TorchPrinter

_NO_SIDES = (Kind.SCALAR, Kind.PER_TENSOR, Kind.TENSOR)
"""Kinds of which no state needs to know the rows and columns."""
_OF_PARAMETER = {"w": "p", "g": "p.grad", "h": "curvature[p]"}
_PATHS = {
    "foreach": "foreach: Whether to update many parameters at once, by list operations; faster, for a little memory.",
    "fused": "fused: Whether to compile the update (`torch.compile`): the first step takes long, the rest little.",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a user of the optimizer may choose, for all parameters or for a group."""

    name: str
    declared: str
    limits: str = "(-math.inf, math.inf)"


def settings(program: Program) -> list[Setting]:
    """The learning rate, the number of steps and the hyperparameters, with the bounds that the rule gives them.

    A share of a running average lies between 0 and 1; what is raised to the power `t` between -1 and 1, above which it
    would overflow.
    """
    found = []
    if "lr" in program.inputs:
        found.append(Setting("lr", "lr: float", "(0, math.inf)"))
    if "T" in program.inputs:
        found.append(Setting("total_steps", "total_steps: int", "(1, math.inf)"))
    printer = TorchPrinter(program)
    states: list[Arg] = [Ref(state) for state in program.states]
    averages = [instr for instr in program.body if instr.op == "interp" and instr.args[1] in states]
    shares = {arg.name for instr in averages for arg in instr.args[2:] if isinstance(arg, Ref)}
    for hyper in program.hypers:
        default = repr(hyper.default) if hyper.default.is_integer() else number(hyper.default)
        declared = f"{hyper.name}: float = {default}"
        if hyper.name in shares and 0 <= hyper.default <= 1:
            found.append(Setting(hyper.name, declared, "(0, 1)"))
        elif hyper.name in printer.bounded:
            found.append(Setting(hyper.name, declared, "(-1, 1)"))
        else:
            found.append(Setting(hyper.name, declared))
    return found


class ClassWriter:
    """Writes the class around the pure function `function`, and what it goes through the parameters with.

    Attributes:
        settings: What a user may choose.
        as_matrix: Whether the rule sees every parameter as a matrix.
        whole: Whether it looks at all parameters at once.
        curved: Whether it looks at the curvature.
        foreach: The printer of the list path; None where the rule allows none.
        fusable: Whether torch can compile it.
        shardable: Whether a part of a parameter can be updated without the rest of it.
        divisible: Whether its states can be cut like it, too.
    """

    def __init__(self, program: Program, class_name: str, function: str, *, body: str) -> None:
        self.program = program
        self.class_name = class_name
        self.function = function
        self.settings = settings(program)
        ops = [OPS[instr.op] for instr in program.body]
        shapes = {op.shape for op in ops}
        self.as_matrix = any(op.shape in MATRIX_SHAPES and op.name != "axes" for op in ops)
        self.whole = bool(shapes.intersection(WHOLE_SHAPES))
        self.curved = "h" in program.inputs
        self.foreach = ForeachPrinter(program) if shapes <= LISTABLE else None
        self.printer = TorchPrinter(program)
        self.fusable = not self.whole and not self.printer.helpers and "new_tensor" not in body
        self.looks_at = list(
            dict.fromkeys(op.name for op in ops if op.shape is not Shape.ELEMENTWISE and op.name != "axes")
        )
        self.shardable = not self.looks_at
        kinds = self.printer.facts.state_kinds.values()
        self.divisible = self.shardable and all(kind is Kind.TENSOR for kind in kinds)
        self.counts_axes = any(op.name == "axes" for op in ops)
        self.counts_steps = "t" in program.inputs
        heads = [name for name in self.printer.positional() if program.signature.inputs.get(name) is not Kind.SCALAR]
        self.tensors = [name for name in heads if name not in ("w", "g")]

    def parts(self) -> list[str]:
        """The functions before the class, and the class."""
        functions = []
        if self.foreach is not None:
            functions.append(self._foreach(self.foreach))
        if not self.whole:
            functions.append(self._one_by_one())
        if self.fusable:
            functions.append(FUSED)
        if self.foreach is not None:
            functions += [CACHED, *[CUT] * self.divisible]
            functions.append(PARTS.format(pieces="cut(tensors)" if self.divisible else "[tensors]"))
        if self.shardable:
            functions.append(LOCAL)
        return [*functions, self._class()]

    @property
    def paths(self) -> list[str]:
        """The switches between the ways."""
        return ["foreach"] * (self.foreach is not None) + ["fused"] * self.fusable

    def standard_imports(self) -> list[str]:
        """What the file imports from the standard library."""
        collections = ["Callable", *["Generator"] * self.whole, "Iterator"]
        lines = ["import math"] if self.settings else []
        lines.append(f"from collections.abc import {', '.join(collections)}")
        lines += ["from functools import cache"] * self.fusable
        lines += ["from itertools import accumulate, groupby"] * (self.foreach is not None)
        return [*lines, "from typing import Any"]

    def _numbers(self) -> list[str]:
        """What the rule is given as keywords, as declared."""
        scalars = [name for name in self.printer.positional() if self.program.signature.inputs.get(name) is Kind.SCALAR]
        hypers = [setting.declared for setting in self.settings if setting.name not in ("lr", "total_steps")]
        return [*(f"{name}: float" for name in scalars), *hypers]

    def _foreach(self, printer: ForeachPrinter) -> str:
        lists = [printer.lists[name] for name in ("w", "g", *self.tensors)]
        numbers = self._numbers()
        items = [*(f"{name}: list[Tensor]" for name in lists), *["*"] * bool(numbers), *numbers]
        text = FOREACH.format(
            function=self._foreach_name(), arguments="{arguments}", body="\n".join(indented(printer.body(), 4))
        )
        head, _, rest = text.partition("{arguments}")
        return listed(head, items, rest.partition("\n")[0], WIDTH) + "\n" + rest.partition("\n")[2]

    def _foreach_name(self) -> str:
        return f"{self.program.name}_foreach"

    def _one_by_one(self) -> str:
        inputs = [name for name in self.tensors if name not in self.program.states]
        kept = ["*states"] if self.program.states else []
        texts = {name: name for name in ("w", "g", *inputs)} | dict.fromkeys(self.program.states, "")
        arguments = [text for text in self._arguments(texts, "w") if text]
        axes = arguments[-1:] if self.counts_axes else []
        arguments = [*arguments[: len(arguments) - len(axes)], *kept, *axes, "**numbers"]
        lines = [f"update = {self.function}({', '.join(arguments)})"]
        if self.program.states:
            lines = [
                f"update, *nexts = {self.function}({', '.join(arguments)})",
                "for state, value in zip(states, nexts, strict=True):",
                "    state.copy_(value)",
            ]
        lines.append(f"w.sub_({self._shaped('update', 'w')})")
        lists = [f"{name}s" for name in ("w", "g", *inputs)]
        items = [f"{name}: list[Tensor]" for name in [*lists, *(["*kept"] if kept else [])]]
        return ONE_BY_ONE.format(
            arguments=", ".join([*items, "**numbers: Any"]),
            elements=", ".join(["w", "g", *inputs, *kept]),
            lists=f"zip({', '.join([*lists, *(['*kept'] if kept else [])])}, strict=True)",
            body="\n".join(indented(lines, 8)),
        )

    def _arguments(self, texts: dict[str, str], parameter: str) -> list[str]:
        """What the pure function is given for one parameter: its tensors, and the number of its axes."""
        inputs = self.program.inputs
        names = [name for name in ("w", "g", *self.tensors) if name in inputs or name in self.program.states]
        seen = [name for name in self.printer.positional() if name in names]
        matrices = ("w", "g", "w0", "h") if self.as_matrix else ()
        arguments = [f"as_matrix({texts[name]})" if name in matrices else texts[name] for name in seen]
        return [*arguments, *[f"axes=float({parameter}.dim())"] * self.counts_axes]

    def _shaped(self, update: str, parameter: str) -> str:
        return f"{update}.reshape({parameter}.shape)" if self.as_matrix else update

    def _class(self) -> str:
        methods = [self._constructor(), *self._add_param_group(), self._batches(), self._step()]
        return CLASS.format(
            class_name=self.class_name,
            function=self.function,
            arguments="\n".join(wrapped(text, " " * 8, " " * 12) for text in self._documented()),
            shardable=wrapped(self.sharding(), " " * 19, " " * 12).lstrip(),
            is_shardable=self.shardable,
            methods="\n\n".join(indented(methods, 4)),
        )

    def sharding(self) -> str:
        """Whether parameters may be sharded, and why."""
        if self.shardable:
            return "Whether parameters may be sharded (FSDP2): yes, each weight is updated by itself."
        by = ", ".join(self.looks_at)
        return f"Whether parameters may be sharded (FSDP2): no, the rule looks at whole tensors ({by})."

    def _documented(self) -> list[str]:
        names = [setting.name for setting in self.settings]
        lines = ["params: Parameters to train, or groups of them with settings of their own."]
        if "lr" in names:
            lines.append("lr: Learning rate, not negative; schedulers may change it.")
        if "total_steps" in names:
            lines.append("total_steps: Number of steps that the training takes.")
        hypers = [setting for setting in self.settings if setting.name not in ("lr", "total_steps")]
        if hypers:
            lines.append(
                f"{', '.join(hyper.name for hyper in hypers)}: Constants of the rule, by default as it was found."
            )
        return [*lines, *(_PATHS[path] for path in self.paths)]

    def _constructor(self) -> str:
        leading = [setting.declared for setting in self.settings if setting.name == "lr"]
        keywords = [setting.declared for setting in self.settings if setting.name != "lr"]
        keywords += [f"{path}: bool = {path == 'foreach'}" for path in self.paths]
        items = ["self", "params: ParamsT", *leading, *(["*", *keywords] if keywords else [])]
        names = [*(setting.name for setting in self.settings), *self.paths]
        body = [
            listed("defaults = {", [f'"{name}": {name}' for name in names], "}", WIDTH - 8),
            "super().__init__(params, defaults)",
        ]
        return "\n".join([listed("def __init__(", items, ") -> None:", WIDTH - 4), *indented(body, 4)])

    def _add_param_group(self) -> list[str]:
        if not self.settings:
            return []
        limits = [f'"{setting.name}": {setting.limits}' for setting in self.settings]
        return [ADD_PARAM_GROUP.format(limits=listed("limits = {", limits, "}", WIDTH - 8).replace("\n", "\n    "))]

    def _batches(self) -> str:
        """The method that makes states, counts steps and puts together what is updated together."""
        lines = []
        if not self.shardable:
            reason = f"{self.class_name} looks at whole tensors and cannot train sharded ones (FSDP2)"
            lines = ['if hasattr(p, "to_local"):', f'    raise RuntimeError("{reason}")']
        lines += self._state()
        key = ["p.device", "p.dtype", *['state["step"]'] * self.counts_steps]
        lines.append(f"batches.setdefault(({', '.join(key)}), []).append(p)")
        names = [f'"{setting.name}"' for setting in self.settings if setting.name != "total_steps"]
        numbers = "numbers: dict[str, Any] = {}"
        if len(names) > 1:
            opening = "numbers: dict[str, Any] = {name: float(group[name]) for name in ("
            numbers = f"{opening}{', '.join(names)})}}"
            if len(numbers) > WIDTH - 12:
                numbers = (
                    f"names = ({', '.join(names)})\n"
                    if len(", ".join(names)) < WIDTH - 25
                    else listed("names = (", names, ")\n", 0)
                )
                numbers += "numbers: dict[str, Any] = {name: float(group[name]) for name in names}"
        elif names:
            numbers = f"numbers: dict[str, Any] = {{{names[0]}: float(group[{names[0]}])}}"
        if "T" in self.program.inputs:
            numbers += '\nnumbers["T"] = float(group["total_steps"])'
        given = '{**numbers, "t": float(t)}' if self.counts_steps else "numbers"
        return BATCHES.format(
            class_name=self.class_name,
            update="\n".join(indented(lines, 12)),
            numbers=textwrap.indent(numbers, " " * 8).lstrip(),
            key="(_, _, t)" if self.counts_steps else "_",
            result=f"yield group, batch, {given}",
        ).replace("for _, batch in batches.items():", "for batch in batches.values():")

    def _state(self) -> list[str]:
        """The lines that make a parameter's state at its first step, and count its steps."""
        states = self.program.states
        first = ['state["step"] = 0'] if self.counts_steps else []
        if any(self.printer.facts.state_kinds[name] not in _NO_SIDES for name in states):
            first.append("rows, columns = as_matrix(p).shape")
        first += [f'state["{name}"] = {self._zeros(name)}' for name in states]
        if "w0" in self.program.inputs:
            first.append('state["w0"] = p.clone()')
        if not first:
            return []
        return [
            "state = self.state[p]",
            "if not state:",
            *indented(first, 4),
            *['state["step"] += 1'] * self.counts_steps,
        ]

    def _zeros(self, state: str) -> str:
        kind = self.printer.facts.state_kinds[state]
        if kind is Kind.TENSOR:
            return f"torch.zeros_like({'as_matrix(p)' if self.as_matrix else 'p'})"
        sides = [{"1": "1", "r": "rows", "c": "columns"}[axis] for axis in kind.axes]
        return "p.new_zeros(())" if kind in _NO_SIDES else f"p.new_zeros({', '.join(sides)})"

    def _step(self) -> str:
        lines = []
        if self.curved:
            params = 'p for group in self.param_groups for p in group["params"] if p.grad is not None'
            lines.append(f"curvature = curvatures([{params}])")
        lines += self._whole_loop() if self.whole else self._loop()
        template = STEP_WITH_LOSS if "loss" in self.program.inputs else STEP
        return template.format(class_name=self.class_name, update="\n".join(indented(lines, 4)))

    def _loop(self) -> list[str]:
        names = ["w", "g", *self.tensors]
        texts = {name: _OF_PARAMETER.get(name, f'state["{name}"]') for name in names}
        lists = []
        for name, text in texts.items():
            member, source = ("p", "params") if name in _OF_PARAMETER else ("state", "states")
            if self.shardable:
                lists.append(f"[local({text}) for {member} in {source}]")
            else:
                lists.append("params" if text == "p" else f"[{text} for {member} in {source}]")
        group = "group" if self.paths else "_"
        lines = [f"for {group}, params, numbers in self._batches():"]
        body = []
        if any(name not in _OF_PARAMETER for name in names):
            body.append("states = [self.state[p] for p in params]")
        if "loss" in self.program.inputs:
            body.append('numbers["loss"] = float(loss)')
        body.append(listed("lists = [", lists, "]", WIDTH - 12))
        branches = ["one_by_one(*lists, **numbers)"]
        if self.foreach is not None:
            each = ["for part in parts(lists):", f"    {self._foreach_name()}(*part, **numbers)"]
            branches = ['if group["foreach"]:', *indented(each, 4), "else:", *indented(branches, 4)]
        if self.fusable:
            moving = [name for name in ("lr", "t", "loss") if name in self.program.inputs]
            tensors = [f'numbers["{name}"] = torch.tensor(numbers["{name}"], dtype=torch.float64)' for name in moving]
            compiled = [*tensors, "fused()(*lists, **numbers)"]
            rest = [branches[0].replace("if", "elif", 1), *branches[1:]]
            branches = ['if group["fused"]:', *indented(compiled, 4)]
            branches += rest if self.foreach is not None else ["else:", "    one_by_one(*lists, **numbers)"]
        return [*lines, *indented([*body, *branches], 4)]

    def _whole_loop(self) -> list[str]:
        """Where the rule looks at all parameters it is started for each of them before any changes."""
        names = ["w", "g", *self.tensors]
        states = [name for name in names if name not in _OF_PARAMETER]
        texts = {name: _OF_PARAMETER.get(name, f'state["{name}"]') for name in names}
        loss = ['numbers["loss"] = float(loss)'] if "loss" in self.program.inputs else []
        arguments = [*self._arguments(texts, "p"), "**numbers"]
        inner = ["state = self.state[p]"] if states else []
        inner += [
            listed(f"rule = {self.function}(", arguments, ")", WIDTH - 16),
            "chosen.append(p)",
            "rules.append(rule)",
        ]
        after = [f"p.sub_({self._shaped('update', 'p')})"]
        if self.program.states:
            slots = ", ".join(f'"{name}"' for name in self.program.states) + "," * (len(self.program.states) == 1)
            after = [
                "update, *nexts = result",
                f"for name, value in zip(({slots}), nexts, strict=True):",
                "    self.state[p][name].copy_(value)",
                *after,
            ]
        result = "result" if self.program.states else "update"
        return [
            "chosen, rules = [], []",
            "for _, params, numbers in self._batches():",
            *indented([*loss, "for p in params:", *indented(inner, 4)], 4),
            f"for p, {result} in zip(chosen, in_lockstep(rules), strict=True):",
            *indented(after, 4),
        ]
