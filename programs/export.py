"""Program to a PyTorch optimizer: the source text of one self-contained file.

The file holds the rule as a pure function, whose body `programs.torch_source` writes; the same over lists of tensors,
by `programs.torch_foreach`; and a thin `torch.optim.Optimizer`, by `programs.torch_class`. Nothing here imports torch:
to export is to write text.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from programs.ir import Arg, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS
from programs.preface import WIDTH, indented, preface
from programs.show import listed, returned
from programs.torch_class import ClassWriter, settings
from programs.torch_file import AS_MATRIX, CURVATURES, IN_LOCKSTEP, INVERSE_ROOT, ON_NUMBERS, ORTHOGONALIZE, whole
from programs.torch_source import UNUSABLE, WHOLE_SHAPES, TorchPrinter, without_clashes

_IMPORTED = frozenset(
    ["Any", "Callable", "Generator", "Iterator", "ParamsT", "Tensor", "accumulate", "cache", "groupby", "math"]
)
_BUILT_IN = frozenset(
    [
        "RuntimeError",
        "StopIteration",
        "ValueError",
        "all",
        "bool",
        "dict",
        "float",
        "getattr",
        "hasattr",
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
_HELPERS = frozenset(
    ["CACHED", "as_matrix", "curvatures", "cut", "fused", "in_lockstep", "local", "on_numbers", "one_by_one", "parts"]
)


def export(
    program: Program,
    *,
    class_name: str | None = None,
    notes: Sequence[str] = (),
    advice: str = "",
    certificate: str = "",
) -> str:
    """The source of a Python file with a `torch.optim.Optimizer` that applies exactly this update rule.

    Args:
        program: An update rule. It is exported as it is; simplify it first for the shortest file.
        class_name: What the optimizer is called; by default the rule's name in CamelCase.
        notes: Paragraphs for the docstring of the file: where the rule comes from, how it scored.
        advice: What is known about its learning rate; by default how long its steps are beside AdamW's.
        certificate: Where the evidence for the rule is, if there is any.

    Raises:
        CheckError: The program is not a legal rule.
        ValueError: `class_name` cannot be the name of the class.
    """
    if class_name is None:
        class_name = camel_case(program.name)
    elif not _is_free(class_name) or class_name in (f"{program.name}_update", f"{program.name}_foreach"):
        raise ValueError(f"{class_name!r} cannot be the name of an optimizer class.")
    evidence = [f"Certificate: {certificate}"] if certificate else []
    return _File(program, class_name).text([*notes, *evidence], advice)


class _File:
    """The parts of one exported file, in the order in which they stand there."""

    def __init__(self, program: Program, class_name: str) -> None:
        self.original = program
        self.program = without_clashes(program)
        self.printer = TorchPrinter(self.program)
        self.function = f"{program.name}_update"
        self.statements = self._statements()
        body = "\n".join(self.statements)
        self.writer = ClassWriter(self.program, class_name, self.function, body=body)

    def text(self, notes: Sequence[str], advice: str) -> str:
        head = f"{self._docstring(notes, advice)}\n\n{self._imports()}"
        return "\n\n\n".join([head, *self._helpers(), self._update(), *self.writer.parts()]) + "\n"

    def _docstring(self, notes: Sequence[str], advice: str) -> str:
        name = self.writer.class_name
        title = f"{name}: a PyTorch optimizer, exported by Savanna from the rule `{self.original.name}`."
        return preface(self.original, title, [self.writer.sharding()], notes, advice)

    def _imports(self) -> str:
        torch = ["import torch", "from torch import Tensor", "from torch.optim.optimizer import ParamsT"]
        return "\n".join([*self.writer.standard_imports(), "", *torch])

    def _helpers(self) -> list[str]:
        helpers = []
        called = {*self.printer.helpers, *(self.writer.foreach.helpers if self.writer.foreach else ())}
        if called:
            helpers += [ON_NUMBERS, "\n".join(_on_numbers(op) for op in OPS if op in called)]
        used = {instr.op for instr in self.program.body}
        wanted = {
            AS_MATRIX: self.writer.as_matrix,
            ORTHOGONALIZE: "orthogonalize" in used,
            INVERSE_ROOT: "inverse_root" in used,
            IN_LOCKSTEP: self.writer.whole,
            CURVATURES.format(class_name=self.writer.class_name): self.writer.curved,
        }
        helpers += [whole(op) for op in OPS if op in used and OPS[op].shape in WHOLE_SHAPES]
        return helpers + [helper for helper, is_wanted in wanted.items() if is_wanted]

    def _update(self) -> str:
        states, kinds = self.program.states, self.program.signature.inputs
        tensors = {*states, *(name for name in self.program.inputs if kinds[name] is Kind.TENSOR)}
        items = [f"{name}: {'Tensor' if name in tensors else 'float'}" for name in self.printer.positional()]
        items += ["axes: float"] if self.writer.counts_axes else []
        hypers = [setting.declared for setting in settings(self.program) if setting.name not in ("lr", "total_steps")]
        items += ["*", *hypers] if hypers else []
        result = "tuple[Tensor, ...]" if states else "Tensor"
        result = f"Generator[Tensor, Tensor, {result}]" if self.writer.whole else result
        head = listed(f"def {self.function}(", items, f") -> {result}:", WIDTH)
        meaning = "What to subtract from the weights of one parameter"
        meaning += ", a matrix" if self.writer.as_matrix else ""
        meaning += ", then the next value of each state." if states else "."
        return "\n".join([head, *indented([f'"""{meaning}"""', *self.statements], 4)])

    def _statements(self) -> list[str]:
        statements, (update, *nexts) = self.printer.statements()
        results = [self._result(self.program.outputs[0], update, "")]
        results += map(self._result, self.program.next_states, nexts, self.program.states)
        return [*statements, returned(results)]

    def _result(self, arg: Arg, text: str, state: str) -> str:
        """An output as a tensor that does not change when the states are overwritten by their next values."""
        if self.printer.is_number(arg):
            return f"g.new_tensor({text})"
        source = arg
        while isinstance(source, Var) and self.program.body[source.index].op == "transpose":  # shares memory
            source = self.program.body[source.index].args[0]
        kept = isinstance(source, Ref) and (source.name in self.program.states or source.name in ("w", "g"))
        return f"{text}.clone()" if kept and arg != Ref(state) else text


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
