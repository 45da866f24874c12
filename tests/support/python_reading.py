"""What a rule means to Python: an independent reading of legal texts, by Python's own parser."""

from __future__ import annotations

import ast

from programs.ir import UPDATE_RULE, Arg, Const, Hyper, Instr, Program, Ref, Var

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "power",
}


def read(text: str) -> Program:
    """The program of a legal text, with any other exception for any other text."""
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    names = [arg.arg for arg in function.args.args]
    keywords = [arg.arg for arg in function.args.kwonlyargs]
    assert len(set(names + keywords)) == len(names + keywords)
    body: list[Instr] = []
    scope: dict[str, Arg] = {name: Ref(name) for name in names + keywords}

    def emit(op: str, *args: Arg) -> Arg:
        body.append(Instr(op, args))
        return Var(len(body) - 1)

    def value(node: ast.expr) -> Arg:
        match node:
            case ast.Constant(value=int() | float() as number):
                return Const(float(number))
            case ast.Name(id=name):
                return scope[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = value(operand)
                return Const(0.0 - inner.value) if isinstance(inner, Const) else emit("neg", inner)
            case ast.BinOp(left=left, op=operator, right=right):
                return emit(OPERATORS[type(operator)], value(left), value(right))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return emit(name, *map(value, args))
        raise AssertionError(ast.dump(node))

    defaults = [value(default) for default in function.args.kw_defaults if default is not None]
    hypers = [Hyper(k, d.value) for k, d in zip(keywords, defaults, strict=True) if isinstance(d, Const)]
    assert len(hypers) == len(keywords)
    *assignments, last = function.body
    for statement in assignments:
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        scope[target.id] = value(statement.value)
    assert isinstance(last, ast.Return)
    assert last.value is not None
    outputs = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    values = tuple(map(value, outputs))
    inputs = tuple(name for name in UPDATE_RULE.inputs if name in names)
    states = tuple(name for name in names if name not in inputs)
    return Program(function.name, inputs, states, tuple(hypers), tuple(body), values)
