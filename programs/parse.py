"""Text to program. The text is read as data: nothing in it is ever executed or imported.

rule  ::=  def NAME(NAME, ..., *, NAME=NUMBER, ...):
               NAME = expr
               ...
               return expr, expr, ...
expr  ::=  NAME | NUMBER | -expr | expr OP expr | OPERATION(expr, ...) | (expr)        OP: + - * / **
"""

from __future__ import annotations

import ast
import math
import warnings

from programs.check import CheckError, check
from programs.errors import RuleError, suggest
from programs.ir import UPDATE_RULE, Arg, Const, Hyper, Instr, Program, Ref, Signature, Var
from programs.ops import INFIX, OPS

MAX_BYTES = 8192
MAX_DEPTH = 60
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_FORM = "Write: def my_rule(w, g, lr): ... return update"
_SHORTER = "Name its parts on lines of their own."
_ALLOWED = "Allowed: names, numbers, + - * / **, and calls of operations such as sqrt(x)."
_INSTEAD: dict[type[ast.AST], str] = {
    ast.Expr: "Notes are written as # comments.",
    ast.AugAssign: "Write: x = x + y.",
    ast.Attribute: "Call operations by their bare name: sqrt(x).",
    ast.Call: "Operations are called by their bare name, arguments in order: clip(x, -1, 1).",
    ast.Compare: "Write: greater(x, y).",
    ast.IfExp: "Write: where(condition, x, y).",
    ast.If: "Write: name = where(condition, x, y).",
}


def parse(text: str, signature: Signature = UPDATE_RULE) -> Program:
    """Read one rule and check it.

    Raises:
        RuleError: The text is not a legal rule; says where, why, and what is allowed.
    """
    return _Parser(text, signature).program()


class _Parser:
    def __init__(self, text: str, signature: Signature) -> None:
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.signature = signature
        self.body: list[Instr] = []
        self.places: list[ast.AST] = []
        self.scope: dict[str, Arg] = {}
        self.function = self._function(text)

    def program(self) -> Program:
        inputs, states, hypers = self._head()
        *statements, last = self.function.body
        for statement in statements:
            self._statement(statement)
        outputs = self._return(last)
        program = Program(self.function.name, inputs, states, hypers, tuple(self.body), outputs, self.signature)
        try:
            check(program)
        except CheckError as error:
            place = self.places[error.index] if error.index < len(self.places) else last
            raise self._error(place, error.message, error.hint) from None
        return program

    def _error(self, node: ast.AST, message: str, hint: str = "") -> RuleError:
        line = getattr(node, "lineno", 0)
        source = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return RuleError(
            message, line=line, column=getattr(node, "col_offset", 0), source_line=source.rstrip(), hint=hint
        )

    def _function(self, text: str) -> ast.FunctionDef:
        if len(text.encode("utf-8", "replace")) > MAX_BYTES:
            raise RuleError(f"A rule is at most {MAX_BYTES} bytes long.")
        for number, line in enumerate(self.lines, start=1):
            for column, character in enumerate(line):
                if not character.isascii() or character == "\0":
                    message = f"A rule is plain ASCII text, but this is {character!a}."
                    raise RuleError(message, line=number, column=column, source_line=line)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = ast.parse(text)
        except SyntaxError as error:
            raise RuleError(
                f"This is not a rule: {error.msg.rstrip('.')}.",
                line=error.lineno or 0,
                column=max((error.offset or 1) - 1, 0),
                source_line=(error.text or "").rstrip(),
                hint=_FORM,
            ) from None
        except (RecursionError, MemoryError, ValueError):
            raise RuleError("The text is nested too deeply to read.", hint=_SHORTER) from None
        if len(module.body) != 1 or not isinstance(module.body[0], ast.FunctionDef):
            place = module.body[-1] if module.body else module
            raise self._error(place, "A rule is exactly one function.", _FORM)
        return module.body[0]

    def _head(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Hyper, ...]]:
        function, args = self.function, self.function.args
        if (
            function.decorator_list
            or function.returns
            or args.posonlyargs
            or args.vararg
            or args.kwarg
            or args.defaults
            or getattr(function, "type_params", [])  # from Python 3.12 on
        ):
            raise self._error(
                function,
                "The head of a rule has names, and after a star names with defaults.",
                "Write: def my_rule(w, g, m, lr, *, beta=0.9):",
            )
        names = [arg.arg for arg in args.args]
        for arg in [*args.args, *args.kwonlyargs]:
            if arg.annotation is not None:
                raise self._error(arg, "A rule has no annotations.")
            if arg.arg in OPS:
                raise self._error(arg, f"{arg.arg!r} is the name of an operation.")
            if arg.arg in self.signature.reserved:
                hint = "It will be an input of its own one day: choose another name."
                raise self._error(arg, f"The name {arg.arg!r} is reserved.", hint)
            if arg.arg in self.scope:
                raise self._error(arg, f"{arg.arg!r} is named twice.")
            self.scope[arg.arg] = Ref(arg.arg)
        for arg in args.kwonlyargs:
            if arg.arg in self.signature.inputs:
                raise self._error(arg, f"{arg.arg!r} is an input, not a hyperparameter.")
        hypers = tuple(self._hyper(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True))
        inputs = tuple(name for name in self.signature.inputs if name in names)
        return inputs, tuple(name for name in names if name not in inputs), hypers

    def _hyper(self, arg: ast.arg, default: ast.expr | None) -> Hyper:
        if default is None:
            raise self._error(arg, f"The hyperparameter {arg.arg!r} needs a default.")
        value = self._expression(default, 0)
        if not isinstance(value, Const):
            raise self._error(default, f"The default of {arg.arg!r} must be a number.")
        return Hyper(arg.arg, value.value)

    def _statement(self, node: ast.stmt) -> None:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            message = "A rule is made of lines `name = expression` and ends with one `return`."
            raise self._error(node, message, _INSTEAD.get(type(node), ""))
        name = node.targets[0].id
        if name in OPS:
            raise self._error(node, f"{name!r} is the name of an operation.")
        before = len(self.body)
        value = self._expression(node.value, 0)
        if isinstance(value, Var) and value.index == len(self.body) - 1 and len(self.body) > before:
            instr = self.body[value.index]
            self.body[value.index] = Instr(instr.op, instr.args, name)
        self.scope[name] = value

    def _return(self, node: ast.stmt) -> tuple[Arg, ...]:
        if not isinstance(node, ast.Return) or node.value is None:
            expected = ", ".join(self.signature.outputs)
            raise self._error(node, f"A rule ends with `return {expected}, ...` and its state slots.")
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        return tuple(self._expression(value, 0) for value in values)

    def _expression(self, node: ast.expr, depth: int) -> Arg:
        if depth > MAX_DEPTH:
            raise self._error(node, "The expression is nested too deeply.", _SHORTER)
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(node, value)
            case ast.Name(id=name):
                if name not in self.scope:
                    hint = f"Call it: {name}(...)." if name in OPS else suggest(name, self.scope)
                    raise self._error(node, f"Unknown name {name!r}.", hint)
                return self.scope[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._expression(operand, depth + 1)
                return Const(0.0 - inner.value) if isinstance(inner, Const) else self._emit(node, "neg", [inner])
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                args = [self._expression(left, depth + 1), self._expression(right, depth + 1)]
                return self._emit(node, INFIX[_OPERATORS[type(operator)]].name, args)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                if name not in OPS:
                    raise self._error(node, f"Unknown operation {name!r}.", suggest(name, OPS))
                if len(arguments) != OPS[name].arity:
                    raise self._error(node, f"{name} takes {OPS[name].arity} arguments, not {len(arguments)}.")
                return self._emit(node, name, [self._expression(argument, depth + 1) for argument in arguments])
        raise self._error(node, "This is not part of the language.", _INSTEAD.get(type(node), _ALLOWED))

    def _number(self, node: ast.expr, value: int | float) -> Const:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._error(node, "The number is too large.")
        return Const(number)

    def _emit(self, node: ast.expr, op: str, args: list[Arg]) -> Var:
        self.body.append(Instr(op, tuple(args)))
        self.places.append(node)
        return Var(len(self.body) - 1)
