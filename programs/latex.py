"""Program to LaTeX: one equation for every result that a reader should see, the new weights last.

A state before the step has the index t-1, after it the index t. Results that are used once and have no name of their
own are written where they are used.
"""

from __future__ import annotations

import re

from programs.ir import Arg, Const, Program, Var
from programs.ops import OPS
from programs.show import number

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(1, 6)


def _called(name: str, over: str = "") -> str:
    index = f"_{{{{\\mathrm{{{{{over}}}}}}}}}" if over else ""
    return rf"\operatorname{{{{{name}}}}}{index}\left({{0}}\right)"


def _function(name: str) -> str:
    return rf"\{name}\left({{0}}\right)"


# How an operation is written, how tightly that binds, and how tightly each argument must, 0 where it is enclosed.
_Text = tuple[str, int, tuple[int, ...]]
_TEXTS: dict[str, _Text] = {
    "add": ("{0} + {1}", _SUM, (_SUM, _SUM)),
    "sub": ("{0} - {1}", _SUM, (_SUM, _PRODUCT)),
    "mul": (r"{0} \cdot {1}", _PRODUCT, (_PRODUCT, _PRODUCT)),
    "div": (r"\frac{{{0}}}{{{1}}}", _POWER, (0, 0)),
    "power": ("{0}^{{{1}}}", _POWER, (_ATOM, 0)),
    "neg": ("-{0}", _SIGN, (_POWER,)),
    "reciprocal": (r"\frac{{1}}{{{0}}}", _POWER, (0,)),
    "interp": (r"(1 - {2}) \cdot {0} + {2} \cdot {1}", _SUM, (_PRODUCT, _PRODUCT, _PRODUCT)),
    "square": ("{0}^2", _POWER, (_ATOM,)),
    "sqrt": (r"\sqrt{{{0}}}", _ATOM, (0,)),
    "cube": ("{0}^3", _POWER, (_ATOM,)),
    "cbrt": (r"\sqrt[3]{{{0}}}", _ATOM, (0,)),
    "abs": (r"\left|{0}\right|", _ATOM, (0,)),
    "maximum": (r"\max\left({0}, {1}\right)", _ATOM, (0, 0)),
    "minimum": (r"\min\left({0}, {1}\right)", _ATOM, (0, 0)),
    "clip": (r"\min\left(\max\left({0}, {1}\right), {2}\right)", _ATOM, (0, 0, 0)),
    "greater": (r"\left[{0} > {1}\right]", _ATOM, (0, 0)),
    "where": (r"\left({1}\ \mathrm{{if}}\ {0} \neq 0\ \mathrm{{else}}\ {2}\right)", _ATOM, (0, 0, 0)),
    "floor": (r"\left\lfloor {0} \right\rfloor", _ATOM, (0,)),
    "exp2": ("2^{{{0}}}", _POWER, (0,)),
    "exp10": ("10^{{{0}}}", _POWER, (0,)),
    "expm1": (r"\exp\left({0}\right) - 1", _SUM, (0,)),
    "log1p": (r"\log\left(1 + {0}\right)", _ATOM, (_SUM,)),
    "log2": (r"\log_2\left({0}\right)", _ATOM, (0,)),
    "log10": (r"\log_{{10}}\left({0}\right)", _ATOM, (0,)),
    "norm": (r"\left\|{0}\right\|", _ATOM, (0,)),
    "dot": (r"\left\langle {0}, {1} \right\rangle", _ATOM, (0, 0)),
    "global_norm": (r"\left\|{0}\right\|_{{\mathrm{{all}}}}", _ATOM, (0,)),
    "global_dot": (r"\left\langle {0}, {1} \right\rangle_{{\mathrm{{all}}}}", _ATOM, (0, 0)),
    "cosine_sim": (r"\cos_{{\mathrm{{all}}}}\left({0}, {1}\right)", _ATOM, (0, 0)),
    "clip_by_global_norm": (
        r"\min\left(1, \frac{{{1}}}{{\left\|{0}\right\|_{{\mathrm{{all}}}}}}\right) \cdot {0}",
        _PRODUCT,
        (_PRODUCT, 0),
    ),
    "transpose": (r"{0}^{{\top}}", _POWER, (_ATOM,)),
    "matmul": (r"{0} \, {1}", _PRODUCT, (_PRODUCT, _PRODUCT)),
    "inverse_root": (r"\left({0} + {2} \cdot I\right)^{{-1 / {1}}}", _POWER, (_SUM, _ATOM, _PRODUCT)),
}
_TEXTS |= {op: (_function(op), _ATOM, (0,)) for op in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")}
_TEXTS |= {op: (_function(op), _ATOM, (0,)) for op in ("arcsin", "arccos", "arctan")}
_TEXTS |= {op: (_called(op), _ATOM, (0,)) for op in ("arcsinh", "arccosh", "arctanh", "sign", "orthogonalize")}
_TEXTS |= {
    op: (_called(op), _ATOM, (0,)) for op in ("sum", "mean", "rms", "std", "max", "min", "rows", "columns", "axes")
}
_TEXTS |= {
    f"{over}_{op}": (_called(op, over), _ATOM, (0,)) for over in ("row", "column") for op in ("mean", "norm", "max")
}
_TEXTS |= {f"global_{op}": (_called(op, "all"), _ATOM, (0,)) for op in ("sum", "mean", "max", "min")}

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)
_SYMBOLS = {word: rf"\{word}" for word in _GREEK} | {"eps": r"\epsilon", "weight_decay": r"\lambda"}
_INPUTS = {
    "w": "w_{t-1}",
    "g": "g_t",
    "w0": "w_0",
    "h": "h_t",
    "loss": r"\ell_t",
    "lr": r"\eta_t",
    "t": "t",
    "T": "T",
}


def equations(program: Program) -> list[str]:
    """The rule as LaTeX equations, without an environment around them.

    Args:
        program: An update rule.
    """
    return _Writer(program).equations()


class _Writer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.uses = [arg.index for _, arg in program.uses() if isinstance(arg, Var)]
        nexts = zip(program.next_states, program.states, strict=True)
        self.states = {arg.index: f"{_subscripted(name, 't')}" for arg, name in nexts if isinstance(arg, Var)}
        self.names = dict(self._names())

    def equations(self) -> list[str]:
        lines = [f"{name} = {self._text(index, 0)}" for index, name in self.names.items()]
        for state, value in zip(self.program.states, self.program.next_states, strict=True):
            own = _subscripted(state, "t")
            if not isinstance(value, Var) or self.names[value.index] != own:
                lines.append(f"{own} = {self._argument(value, 0)}")
        return [*lines, f"w_t = w_{{t-1}} - {self._argument(self.program.outputs[0], _PRODUCT)}"]

    def _names(self) -> list[tuple[int, str]]:
        """What each result is called that gets an equation of its own; a name that comes again gets a prime."""
        body, found = self.program.body, []
        taken = {*self.states.values(), *map(_symbol, self.program.states), *_INPUTS.values()}
        taken.update(_symbol(hyper.name) for hyper in self.program.hypers)
        for index, instr in enumerate(body):
            again = any(later.name == instr.name for later in body[index + 1 :])
            if index in self.states:
                found.append((index, self.states[index]))
            elif self.uses.count(index) > 1 or (instr.name and not again):
                name = _symbol(instr.name or f"x{len(found) + 1}")
                while name in taken:
                    name += "'"
                taken.add(name)
                found.append((index, name))
        return found

    def _text(self, index: int, binds: int) -> str:
        instr = self.program.body[index]
        template, own, wanted = _TEXTS[instr.op]
        text = template.format(*(self._argument(arg, need) for arg, need in zip(instr.args, wanted, strict=True)))
        return text if own >= binds else rf"\left({text}\right)"

    def _argument(self, arg: Arg, binds: int) -> str:
        if isinstance(arg, Const):
            text = _number(arg.value)
            return rf"\left({text}\right)" if text[0] == "-" and binds else text
        if isinstance(arg, Var):
            return self.names[arg.index] if arg.index in self.names else self._text(arg.index, binds)
        if arg.name in self.program.states:
            return _subscripted(arg.name, "t-1")
        return _INPUTS.get(arg.name) or _symbol(arg.name)


def _number(value: float) -> str:
    digits, _, exponent = number(value).partition("e")
    if not exponent:
        return digits
    power = f"10^{{{int(exponent)}}}"
    return power if digits == "1" else rf"{digits} \cdot {power}"


def _symbol(name: str) -> str:
    """A name as a symbol: Greek letters where it is spelled as one, digits at the end as an index, `_hat` as a hat."""
    if name.endswith("_hat") and len(name) > len("_hat"):
        return rf"\hat{{{_symbol(name.removesuffix('_hat'))}}}"
    stem, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]  # it matches every name
    if not stem or (digits and stem in _INPUTS):
        stem, digits = name, ""
    word = stem.replace("_", r"\_")
    symbol = _SYMBOLS.get(stem) or (stem if len(stem) == 1 else rf"\mathrm{{{word}}}")
    return f"{symbol}_{{{digits}}}" if digits else symbol


def _subscripted(name: str, index: str) -> str:
    symbol = _symbol(name)
    return f"{symbol[:-1]}, {index}}}" if re.search(r"_\{\d+\}$", symbol) else f"{symbol}_{{{index}}}"


assert _TEXTS.keys() == OPS.keys(), "every row is written in LaTeX"
