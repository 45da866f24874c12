"""The body of a rule over lists of tensors: `torch._foreach_*` calls, in place wherever nobody wants the old value.

One straight-line program, printed in three passes:

1. A product that is only added to something joins the addition: `x + c * y` is one `add` with `alpha`, `x + y * z` one
   `addcmul`, `x + y / z` one `addcdiv`.
2. Every list lives in a variable, its place. An instruction may overwrite the place of an argument whose last use it
   is, if the result has the same shapes: a temporary always, a state only on the way to its own next value, a gradient
   never. The weights are overwritten by the last instruction, `w - update`.
3. A state whose next value ended up elsewhere is copied from there.

What torch has no list operation for is a comprehension over the expression of `programs.torch_source`. `lerp` is not
used for `interp`: it has NaN where an infinity meets a number, and a momentum that was once infinite would stay NaN.
"""

from __future__ import annotations

import itertools
import keyword
from collections.abc import Iterable, Sequence
from dataclasses import replace

from programs.ir import Arg, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS, Shape
from programs.preface import WIDTH, comprehension
from programs.show import listed
from programs.torch_source import TorchPrinter, filled

LISTABLE = frozenset([Shape.ELEMENTWISE, Shape.REDUCTION])
"""Operations that a list path is written for: what they want to know of a parameter is its tensor alone."""
_WIDTH = WIDTH - 4
_UNARY = {
    op: op for op in ("neg", "reciprocal", "sqrt", "abs", "sign", "floor", "exp", "expm1", "sinh", "cosh", "tanh")
}
_UNARY |= {op: op for op in ("log", "log2", "log10", "log1p", "sin", "cos", "tan")}
_UNARY |= {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "norm": "norm"}
_PRODUCTS = {"mul": "addcmul", "square": "addcmul", "div": "addcdiv"}
_BOUNDS = {"maximum": ("maximum", "clamp_min"), "minimum": ("minimum", "clamp_max")}
_UPDATE = Ref("w")


class ForeachPrinter(TorchPrinter):
    """Writes the body of a program as statements over lists of tensors.

    Attributes:
        lists: The name of the list that each tensor input and each state is in.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(_without_clips(program))
        self.final = len(self.program.body)
        self.instrs = [*self.program.body, Instr("sub", (_UPDATE, self.program.outputs[0]))]
        heads = [name for name in self.head if not self.is_number(Ref(name))]
        numbers = {i for i in range(self.final) if self.is_number(Var(i))}
        self.number_names = {self.program.body[i].name for i in numbers}
        self.taken = {*self.head, "w", "g", *(instr.name for instr in self.instrs)} | {
            *OPS,
            *keyword.kwlist,
            "torch",
            "zip",
        }
        self.lists = {name: self._plural(name) for name in dict.fromkeys(["w", "g", *heads])}
        self.place: dict[Arg, str] = {Ref(name): variable for name, variable in self.lists.items()}
        self.owner = {self.lists[state]: state for state in self.program.states}
        self.joined: dict[int, int] = {}
        self._join_products()
        self.last: dict[Arg, int] = {arg: i for i in self._calls() for arg in self._operands(i)}
        self.last |= dict.fromkeys(self.program.next_states, self.final + 1)
        self.target = self._targets()
        self.saved: dict[str, str] = {}
        self.lines: list[str] = []

    def body(self) -> list[str]:
        """The statements, which change the weights and the states in place."""
        self.inlined = {i for i in range(self.final) if self._is_written_in_place(i)}
        for index in self._calls():
            if index == self.final:
                self._save_what_would_be_overwritten()
            if self.is_number(Var(index)):
                if index not in self.inlined:
                    self.names[index] = self._free(self.program.body[index].name)
                    self.lines.append(f"{self.names[index]} = {self._expression(Var(index), top=True)[0]}")
            else:
                self.place[Var(index)] = self._call(index)
                self._forget(index)
        for state, value in zip(self.program.states, self.program.next_states, strict=True):
            self._store(self.lists[state], value)
        return self.lines

    def _calls(self) -> Iterable[int]:
        """The instructions in order, without those that joined another."""
        joined = {*self.joined.values()}
        return (index for index in range(self.final + 1) if index not in joined)

    def _operands(self, index: int) -> list[Arg]:
        """What an instruction looks at, with what the product that joined it looks at."""
        args = list(self.instrs[index].args)
        if index in self.joined:
            args.remove(Var(self.joined[index]))
            args += self.instrs[self.joined[index]].args
        return args

    def _kind(self, index: int) -> Kind:
        return Kind.TENSOR if index == self.final else self.facts.kinds[index]

    def _join_products(self) -> None:
        used = [arg for instr in self.instrs for arg in instr.args] + [*self.program.next_states]
        for index, instr in enumerate(self.instrs):
            places = {"add": (1, 0), "sub": (1,), "interp": (0,)}.get(instr.op, ())
            for arg in (instr.args[place] for place in places):
                others = [other for other in instr.args if other != arg]
                base = others[0] if others else arg
                is_base = not self.is_number(base) and self.facts.kind(base) is self._kind(index)
                if not isinstance(arg, Var) or used.count(arg) > 1 or not is_base:
                    continue
                if not self._is_decayed(index, arg) and self._joins(instr, arg):
                    self.joined[index] = arg.index
                    break

    def _is_decayed(self, index: int, product: Var) -> bool:
        """Whether a product shrinks the state that the instruction makes anew, which is better done in its place."""
        nexts = zip(self.program.states, self.program.next_states, strict=True)
        states = [Ref(state) for state, value in nexts if value == Var(index)]
        factors = self.program.body[product.index].args
        return any(state in factors and self.last_use[state.name] == product.index for state in states)

    def _joins(self, instr: Instr, product: Var) -> bool:
        """Whether torch has one operation for a product and what is done with it."""
        factor = self.program.body[product.index]
        numbers = [arg for arg in factor.args if self.is_number(arg)]
        if self.is_number(product) or factor.op not in _PRODUCTS:
            return False
        if instr.op == "interp":
            return not numbers and factor.op != "div" and self._fits(instr.args[2])
        return not numbers or (factor.op == "mul" and self._fits(numbers[0]))

    def _targets(self) -> dict[int, str]:
        """The state that the result of each instruction is for, where it is for one and may be made in its place."""
        nexts = zip(self.program.states, self.program.next_states, strict=True)
        target: dict[int, str] = {}
        for state, value in nexts:
            if isinstance(value, Var):
                target.setdefault(value.index, state)
        for index in sorted(self._calls(), reverse=True):
            state = target.get(index, "")
            for arg in self._operands(index) if state else ():
                if isinstance(arg, Var) and self.last[arg] == index and Ref(state) in self._operands(arg.index):
                    target.setdefault(arg.index, state)
        return target

    def _is_written_in_place(self, index: int) -> bool:
        """Whether a number is written where it is used: once, and not once for every tensor."""
        users = [user for user in self._calls() if Var(index) in self._operands(user)]
        if not self.is_number(Var(index)) or self.program.body[index].name or self.use_counts[index] != 1 or not users:
            return False
        user = self.instrs[users[0]]
        if self.is_number(Var(users[0])):
            return Var(index) in self.inlinable(user)
        return user.op in ("add", "sub", "mul") or (user.op == "div" and user.args[1] == Var(index))

    def _call(self, index: int) -> str:
        """Write the statements of one instruction; returns the list that its result is in."""
        instr = self.instrs[index]
        if index in self.joined:
            return self._sum_of_product(index)
        args = instr.args
        if all(map(self.is_number, args)):
            return self._each(index)
        if instr.op in _UNARY:
            return self._steps(index, args[0], (_UNARY[instr.op], ""))
        if instr.op == "square":
            return self._steps(index, args[0], ("mul", self._text(args[0])))
        if instr.op in ("add", "sub", "mul", "div", "power"):
            return self._arithmetic(index)
        if instr.op == "interp":
            return self._interp(index)
        if instr.op in _BOUNDS:
            base, limit = sorted(args, key=self.is_number)
            if not self.is_number(limit) or self._fits(limit):
                return self._steps(index, base, (_BOUNDS[instr.op][self.is_number(limit)], self._text(limit)))
        return self._each(index)

    def _arithmetic(self, index: int) -> str:
        op, (left, right) = self.instrs[index].op, self.instrs[index].args
        if self.is_number(left):
            if op == "sub":
                return self._steps(index, right, ("neg", ""), ("add", self._text(left)))
            if op not in ("add", "mul"):
                return self._each(index)
            left, right = right, left
        elif op in ("add", "mul") and self._suits(index, right) > self._suits(index, left):
            left, right = right, left
        return self._steps(index, left, ("pow" if op == "power" else op, self._text(right)))

    def _interp(self, index: int) -> str:
        """(1 - a) * x + a * y, in the place of y if that may be overwritten."""
        x, y, a = self.instrs[index].args
        if not self.is_number(a):
            return self._each(index)
        share, rest = self._text(a), filled("1 - {0}", [self._text(a)])
        choices = [(y, share, x, rest), (x, rest, y, share)]
        if self.is_number(y) or self.facts.kind(y) is not self._kind(index):
            choices.reverse()
        base, factor, other, weight = choices[0]
        if self.is_number(other):
            return self._steps(index, base, ("mul", factor), ("add", filled("{0} * {1}", [weight, self._text(other)])))
        if self.facts.kind(base) is not self._kind(index):
            return self._each(index)
        if self._fits(a):
            return self._steps(index, base, ("mul", factor), ("add", f"{self._text(other)}, alpha={weight}"))
        part = self._plural("")
        self._write(f"{part} = torch._foreach_mul(", [self._text(other), weight])
        return self._steps(index, base, ("mul", factor), ("add", part))

    def _sum_of_product(self, index: int) -> str:
        """An addition, subtraction or average together with the product that joined it."""
        instr, product = self.instrs[index], self.instrs[self.joined[index]]
        factors = product.args * (2 if product.op == "square" else 1)
        base = next(arg for arg in instr.args if arg != Var(self.joined[index]))
        numbers = [factor for factor in factors if self.is_number(factor)]
        if numbers:
            (tensor,) = (factor for factor in factors if not self.is_number(factor))
            return self._steps(index, base, (instr.op, f"{self._text(tensor)}, alpha={self._text(numbers[0])}"))
        texts = ", ".join(map(self._text, factors))
        if instr.op == "interp":
            share = self._text(instr.args[2])
            rest = filled("1 - {0}", [share])
            return self._steps(index, base, ("mul", share), (_PRODUCTS[product.op], f"{texts}, {rest}"))
        return self._steps(index, base, (_PRODUCTS[product.op], texts if instr.op == "add" else f"{texts}, -1"))

    def _steps(self, index: int, base: Arg, *steps: tuple[str, str]) -> str:
        """List operations on `base` one after the other, in its place if that is allowed."""
        variable = self.place[base]
        later = [self.place[arg] for arg in self._operands(index) if arg != base and not self.is_number(arg)]
        mentions = [arg for arg in self._operands(index) if arg == base]
        alone = len(steps) == 1 or (variable not in later and len(mentions) == 1)
        (first, operand), *rest = steps
        if alone and self._may_overwrite(index, base):
            rest = [(first, operand), *rest]
        else:
            result = self._plural(self._hint(index))
            self._write(f"{result} = torch._foreach_{first}(", [variable, operand])
            variable = result
        for step, (function, text) in enumerate(rest, start=1):
            name = self.instrs[index].name
            note = f"  # {name}" if step == len(rest) and name and not variable.startswith(name) else ""
            self._write(f"torch._foreach_{function}_(", [variable, text], note)
        return variable

    def _write(self, opening: str, arguments: Sequence[str], note: str = "") -> None:
        line = f"{opening}{', '.join(filter(None, arguments))})"
        if len(line) > _WIDTH:
            line = listed(opening, [part for text in arguments for part in text.split(", ") if part], ")", width=0)
        self.lines.append(line + note if len(line) + len(note) <= _WIDTH else line)

    def _may_overwrite(self, index: int, arg: Arg) -> bool:
        """Whether the result of an instruction may be made in the place of one of its arguments."""
        if arg == _UPDATE or index == self.final:
            return arg == _UPDATE and index == self.final
        if self.is_number(arg) or self.last[arg] > index or self.instrs[index].op == "norm":
            return False
        if self.facts.kind(arg) is not self._kind(index):
            return False
        place = self.place[arg]
        return self.target.get(index) == self.owner[place] if place in self.owner else not isinstance(arg, Ref)

    def _suits(self, index: int, arg: Arg) -> int:
        """How well the result of an instruction is placed where an argument is: best where it is to stay."""
        return self._may_overwrite(index, arg) * (1 + (self.place.get(arg, "") in self.owner))

    def _each(self, index: int) -> str:
        """A comprehension over the expression for one tensor."""
        instr = self.instrs[index]
        texts = [self._text(arg) if self.is_number(arg) else self._element(arg) for arg in instr.args]
        text = filled(self._template(instr), texts)
        looked_at = [arg for arg in dict.fromkeys(instr.args) if not self.is_number(arg)]
        result = self._plural(self._hint(index))
        self._comprehension(f"{result} = [", text, looked_at, "]")
        return result

    def _comprehension(self, opening: str, text: str, looked_at: Sequence[Arg], closing: str) -> None:
        if "g.new_tensor(" in text and Ref("g") not in looked_at:
            looked_at = [*looked_at, Ref("g")]
        elements = ", ".join(map(self._element, looked_at))
        lists = [self.place[arg] for arg in looked_at]
        source = lists[0] if len(lists) == 1 else f"zip({', '.join(lists)}, strict=True)"
        self.lines.append(comprehension(opening, text, f"for {elements} in {source}", closing, _WIDTH))

    def _element(self, arg: Arg) -> str:
        """What a member of a list is called."""
        return arg.name if isinstance(arg, Ref) else self.place[arg].removesuffix("s")

    def _text(self, arg: Arg) -> str:
        return self._expression(arg)[0] if self.is_number(arg) else self.place[arg]

    def _forget(self, index: int) -> None:
        """Let go of temporaries that nobody looks at again, so that the next may use their memory."""
        for arg in dict.fromkeys(self._operands(index)):
            gone = isinstance(arg, Var) and not self.is_number(arg) and self.last[arg] == index < self.final
            large = gone and self.facts.kind(arg) is Kind.TENSOR
            if large and self.place[arg] != self.place[Var(index)] and self.place[arg] not in self.owner:
                self.lines.append(f"del {self.place[arg]}")

    def _save_what_would_be_overwritten(self) -> None:
        """Before the weights change: copies of what states will hold that is in the weights or in another state."""
        nexts = dict(zip(self.program.states, self.program.next_states, strict=True))
        for state, value in nexts.items():
            place = "" if self.is_number(value) else self.place[value]
            other = self.owner.get(place)
            stays = other is not None and nexts[other] == value
            if place != self.lists[state] and (place == self.lists["w"] or (other is not None and not stays)):
                self.saved[state] = self._plural("")
                element = self._element(value)
                self.lines.append(f"{self.saved[state]} = [{element}.clone() for {element} in {place}]")

    def _store(self, states: str, value: Arg) -> None:
        if self.owner[states] in self.saved:
            self.lines.append(f"torch._foreach_copy_({states}, {self.saved[self.owner[states]]})")
        elif self.is_number(value):
            self._comprehension(f"torch._foreach_copy_({states}, [", f"g.new_tensor({self._text(value)})", [], "])")
        elif self.place[value] != states:
            self.lines.append(f"torch._foreach_copy_({states}, {self.place[value]})")

    def _hint(self, index: int) -> str:
        return self.instrs[index].name or self.state_names.get(index, "")

    def _free(self, name: str) -> str:
        """A name for a number, or for what the rule does not name."""
        if name and name not in self.head and name not in self.names.values():
            return name
        name = next(x for x in map("x{}".format, itertools.count(1)) if x not in self.taken)
        self.taken.add(name)
        return name

    def _plural(self, name: str) -> str:
        """A new name for a list of what is called `name`."""
        name = self._free("") if name in {"", *self.number_names} else name
        plural = f"{name}s"
        while plural in self.taken:
            name += "_"
            plural = f"{name}s"
        self.taken.add(plural)
        return plural


def _without_clips(program: Program) -> Program:
    """The same program with `clip` as a `maximum` and a `minimum`."""
    written: list[Arg] = []
    body: list[Instr] = []
    for instr in program.body:
        args = tuple(_moved(arg, written) for arg in instr.args)
        if instr.op == "clip":
            body.append(Instr("maximum", args[:2]))
            body.append(Instr("minimum", (Var(len(body) - 1), args[2]), instr.name))
        else:
            body.append(replace(instr, args=args))
        written.append(Var(len(body) - 1))
    return replace(program, body=tuple(body), outputs=tuple(_moved(arg, written) for arg in program.outputs))


def _moved(arg: Arg, written: Sequence[Arg]) -> Arg:
    return written[arg.index] if isinstance(arg, Var) else arg
