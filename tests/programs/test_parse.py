import ast
import warnings
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import programs
from programs import zoo
from programs.errors import RuleError
from programs.ir import UPDATE_RULE, Const, Hyper, Instr, Program, Ref, Var
from programs.ops import OPS
from programs.parse import MAX_BYTES, MAX_DEPTH, parse
from programs.show import show

HEAD = "def f(w, g, m, lr, *, beta=0.9):\n"


def body(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in lines)


def test_a_rule_becomes_single_assignments_in_the_order_they_are_computed() -> None:
    program = parse(body("m = interp(g, m, beta)", "x = sqrt(m) + 2", "return x * lr, m"))
    assert program == Program(
        name="f",
        inputs=("w", "g", "lr"),
        states=("m",),
        hypers=(Hyper("beta", 0.9),),
        body=(
            Instr("interp", (Ref("g"), Ref("m"), Ref("beta"))),
            Instr("sqrt", (Var(0),)),
            Instr("add", (Var(1), Const(2.0))),
            Instr("mul", (Var(2), Ref("lr"))),
        ),
        outputs=(Var(3), Var(0)),
    )
    assert [instr.name for instr in program.body] == ["m", "", "x", ""]


def test_inputs_stand_in_the_order_of_the_signature_and_states_in_that_of_the_head() -> None:
    program = parse("def f(v, lr, g, m, w):\n    return g * lr, m + v, m")
    assert program.inputs == ("w", "g", "lr")
    assert program.states == ("v", "m")
    assert [program.next_state(name) for name in ("v", "m")] == [Var(1), Ref("m")]


@pytest.mark.parametrize(
    ("text", "outputs", "instrs"),
    [
        ("def f(g):\n    g = sign(g)\n    g = g * g\n    return g", (Var(1),), ["sign", "mul"]),
        ("def f(g):\n    x = g\n    y = x\n    return y", (Ref("g"),), []),
        ("def f(g, m):\n    old = m\n    m = g + m\n    return old, m", (Ref("m"), Var(0)), ["add"]),
        ("def f(g, s):\n    return g, -2", (Ref("g"), Const(-2.0)), []),
        ("def f(g, s):\n    return (g, s)", (Ref("g"), Ref("s")), []),
        ("def f(g, *, a=-0.1):\n    return g * a", (Var(0),), ["mul"]),
        ("def f(g):\n    return --g", (Var(1),), ["neg", "neg"]),
        ("def f(g): return g ** 2 ** 3", (Var(1),), ["power", "power"]),
        ("# comment\n\ndef f(g,\n      m):  # comment\n    return g, (m\n       + 1)", (Ref("g"), Var(0)), ["add"]),
        ("def f(g):\r\n    return exp(g)\r\n", (Var(0),), ["exp"]),
    ],
    ids=[
        "reassigned input",
        "alias",
        "old state kept",
        "constant",
        "tuple",
        "negative",
        "signs",
        "power",
        "layout",
        "crlf",
    ],
)
def test_everything_the_grammar_allows_is_read(
    text: str, outputs: tuple[Const | Ref | Var, ...], instrs: list[str]
) -> None:
    program = parse(text)
    assert program.outputs == outputs
    assert [instr.op for instr in program.body] == instrs


def test_numbers_are_read_to_the_last_bit_and_minus_zero_is_zero() -> None:
    numbers = ["1e-8", "0.1", "1_000", "0x10", "1e22", "-5e-324", "-0.0", "-0", "12345678901234567890"]
    program = parse(
        f"def f(g, *, a=-0.0, {', '.join(f'b{i}={n}' for i, n in enumerate(numbers))}):\n    return g + -0.0"
    )
    defaults = [hyper.default for hyper in program.hypers[1:]]
    assert defaults == [1e-8, 0.1, 1000.0, 16.0, 1e22, -5e-324, 0.0, 0.0, 12345678901234567890.0]
    zero = program.body[0].args[1]
    assert [str(x) for x in (program.hypers[0].default, defaults[6], zero)] == ["0.0", "0.0", "Const(value=0.0)"]


WRONG: dict[str, tuple[str, int, int, str, str]] = {
    # What is wrong: text, line, column, part of the message, part of the hint.
    "empty": ("", 0, 0, "exactly one function", "def my_rule"),
    "no function": ("x = 1", 1, 0, "exactly one function", "def my_rule"),
    "two functions": ("def f(g):\n    return g\ndef h(g):\n    return g", 3, 0, "exactly one function", "def my_rule"),
    "import before": ("import os\ndef f(g):\n    return g", 2, 0, "exactly one function", "def my_rule"),
    "class": ("class A:\n    pass", 1, 0, "exactly one function", "def my_rule"),
    "async": ("async def f(g):\n    return g", 1, 0, "exactly one function", "def my_rule"),
    "decorator": ("@cache\ndef f(g):\n    return g", 2, 0, "head of a rule", "def my_rule"),
    "return annotation": ("def f(g) -> float:\n    return g", 1, 0, "head of a rule", "def my_rule"),
    "annotation": ("def f(g: float):\n    return g", 1, 6, "annotations", ""),
    "default on positional": ("def f(g, m=0):\n    return g, m", 1, 0, "head of a rule", "def my_rule"),
    "positional only": ("def f(g, /, m):\n    return g, m", 1, 0, "head of a rule", "def my_rule"),
    "star arguments": ("def f(*g):\n    return g", 1, 0, "head of a rule", "def my_rule"),
    "keyword arguments": ("def f(g, **k):\n    return g", 1, 0, "head of a rule", "def my_rule"),
    "no default": ("def f(g, *, a):\n    return g", 1, 12, "needs a default", ""),
    "default no number": ("def f(g, *, a=g):\n    return g", 1, 14, "must be a number", ""),
    "default computed": ("def f(g, *, a=1 - 0.1):\n    return g", 1, 14, "must be a number", ""),
    "default text": ("def f(g, *, a='x'):\n    return g", 1, 14, "not part of the language", "Allowed"),
    "default True": ("def f(g, *, a=True):\n    return g", 1, 14, "not part of the language", "Allowed"),
    "name twice": ("def f(g, m, m):\n    return g, m, m", 1, 12, "'m' is named twice", ""),
    "name twice, once as hyperparameter": ("def f(g, m, *, m=1):\n    return g, m", 1, 15, "'m' is named twice", ""),
    "operation as a state": ("def f(g, sqrt):\n    return g, sqrt", 1, 9, "name of an operation", ""),
    "operation as a name": (body("sqrt = g", "return sqrt, m"), 2, 4, "name of an operation", ""),
    "input as hyperparameter": ("def f(g, *, lr=0.1):\n    return g", 1, 12, "is an input", ""),
    "reserved state": ("def f(g, w0):\n    return g, w0", 1, 9, "'w0' is reserved", "another name"),
    "reserved hyperparameter": ("def f(g, *, h=1):\n    return g * h", 1, 12, "'h' is reserved", "another name"),
    "unknown operation": (body("return sqr(g), m"), 2, 11, "Unknown operation 'sqr'", "sqrt"),
    "unknown name": (body("n = m", "return g * bet, n"), 3, 15, "Unknown name 'bet'", "beta"),
    "operation not called": (body("return g * sqrt, m"), 2, 15, "Unknown name 'sqrt'", "Call it: sqrt(...)"),
    "name used before": (body("x = y", "y = g", "return x, m"), 2, 8, "Unknown name 'y'", "Known:"),
    "too few arguments": (body("return interp(g, m), m"), 2, 11, "interp takes 3 arguments, not 2", ""),
    "too many arguments": (body("return sqrt(g, m), m"), 2, 11, "sqrt takes 1 arguments, not 2", ""),
    "keyword argument": (body("return clip(g, low=0, high=1), m"), 2, 11, "not part", "in order"),
    "starred argument": (body("return add(*g), m"), 2, 11, "add takes 2 arguments, not 1", ""),
    "reduction of a scalar": (
        body("x = 2", "return g * norm(lr), m"),
        3,
        15,
        "norm needs a tensor, but is given a scalar",
        "",
    ),
    "matrix of a number per tensor": (body("return orthogonalize(norm(g)) * g, m"), 2, 11, "a per-tensor", ""),
    "update is a scalar": (body("return lr, g"), 2, 4, "update must be a tensor, but is a scalar", ""),
    "update is one number per tensor": (body("return norm(g), g"), 2, 4, "update must be a tensor", ""),
    "missing return value": (body("return g * lr"), 2, 4, "1 values are returned; update rules return update, m", ""),
    "extra return value": (
        body("return g * lr, m, m"),
        2,
        4,
        "3 values are returned; update rules return update, m",
        "",
    ),
    "no dependence on g": (body("m = m + 1", "return w * lr, m"), 3, 4, "does not depend on 'g'", "do not learn"),
    "g only in a dead state": (body("m = m + g", "return w * lr, m"), 3, 4, "does not depend on 'g'", "do not learn"),
    "no return": (body("m = g"), 2, 4, "ends with `return update", ""),
    "bare return": (body("return"), 2, 4, "ends with `return update", ""),
    "return in between": (body("return g, m", "return g, m"), 2, 4, "one `return`", ""),
    "docstring": (body('"""Adam."""', "return g, m"), 2, 4, "name = expression", "# comments"),
    "import": (body("import os", "return g, m"), 2, 4, "name = expression", ""),
    "for": (body("for i in g:", "    m = i", "return g, m"), 2, 4, "name = expression", ""),
    "if": (body("if t:", "    m = g", "return g, m"), 2, 4, "name = expression", "where(condition, x, y)"),
    "augmented assignment": (body("m *= beta", "return g, m"), 2, 4, "name = expression", "x = x + y"),
    "annotated assignment": (body("m: float = g", "return g, m"), 2, 4, "name = expression", ""),
    "two targets": (body("a = b = g", "return g, m"), 2, 4, "name = expression", ""),
    "tuple target": (body("a, b = g, m", "return g, m"), 2, 4, "name = expression", ""),
    "attribute target": (body("g.data = m", "return g, m"), 2, 4, "name = expression", ""),
    "text": (body("return g * 'x', m"), 2, 15, "not part of the language", "Allowed"),
    "attribute": (body("return g.data, m"), 2, 11, "not part of the language", "bare name"),
    "method": (body("return torch.sqrt(g), m"), 2, 11, "not part of the language", "bare name"),
    "subscript": (body("return g[0], m"), 2, 11, "not part of the language", "Allowed"),
    "comparison": (body("return g * (g > m), m"), 2, 16, "not part of the language", "greater(x, y)"),
    "choice": (body("return (g if lr else m), m"), 2, 12, "not part of the language", "where(condition, x, y)"),
    "lambda": (body("return (lambda: g)(), m"), 2, 11, "not part of the language", "bare name"),
    "walrus": (body("return (x := g), m"), 2, 12, "not part of the language", "Allowed"),
    "matrix product": (body("return g @ g, m"), 2, 11, "not part of the language", "Allowed"),
    "complex": (body("return g * 1j, m"), 2, 15, "not part of the language", "Allowed"),
    "None": (body("return None"), 2, 11, "not part of the language", "Allowed"),
    "infinite number": (body("return g * 1e400, m"), 2, 15, "too large", ""),
    "infinite whole number": (body("return g * " + "9" * 400 + ", m"), 2, 15, "too large", ""),
    "infinite default": ("def f(g, *, a=1e400):\n    return g", 1, 14, "too large", ""),
    "not ASCII": (body("x = g", "β = g", "return g, m"), 3, 4, "plain ASCII", ""),
    "byte order mark": ("\ufeff" + body("return g, m"), 1, 0, "plain ASCII", ""),
    "lone surrogate": (body("return g, m  # \ud800"), 2, 19, "plain ASCII", ""),
    "NUL": (body("return g\0, m"), 2, 12, "plain ASCII", ""),
    "too long": ("#" * MAX_BYTES + "\n" + body("return g, m"), 0, 0, "8192 bytes", ""),
    "too long in bytes": ("#" + "é" * 5000, 0, 0, "8192 bytes", ""),
    "nested calls": (body(f"return {'neg(' * 100}g{')' * 100}, m"), 2, 255, "nested too deeply", "lines of their own"),
}


@pytest.mark.parametrize(("text", "line", "column", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_no_rule_is_refused_with_its_place_and_a_way_out(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text)
    error = caught.value
    assert message in error.message
    assert hint in error.hint
    assert (error.line, error.column) == (line, column)
    if line:
        assert error.source_line == text.split("\n")[line - 1].rstrip()


NOT_EVEN_PYTHON = {
    "syntax": body("return (g"),
    "indentation": "def f(g):\nreturn g",
    "tabs": "def f(g):\n\tx = g\n        return x",
    "keyword as a name": "def f(g, *, lambda=1):\n    return g",
    "huge whole number": body("return g * " + "9" * 5000 + ", m"),
    "nested parentheses": body(f"return {'(' * 3000}g{')' * 3000}, m"),
    "nested signs": body(f"return {'-' * 7000}g, m"),
    "nested attributes": body(f"return g{'.a' * 3500}, m"),
    "nested subscripts": body(f"return {'[' * 3500}"),
    "type parameters": "def f[T](g):\n    return g",
    "nested blocks": "".join(f"{' ' * i}if g:\n" for i in range(99)),
    "long sum": body(f"return {'+'.join('g' * 3000)}, m"),
}


@pytest.mark.parametrize("text", NOT_EVEN_PYTHON.values(), ids=NOT_EVEN_PYTHON)
def test_what_python_cannot_read_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(RuleError, match=r"not a rule|too deeply|too large|head of") as caught:
        parse(text)
    assert 0 <= caught.value.line <= text.count("\n") + 1


def test_an_error_of_python_keeps_its_place() -> None:
    with pytest.raises(RuleError, match="'\\(' was never closed") as caught:
        parse(body("return (g"))
    error = caught.value
    assert (error.line, error.column, error.source_line) == (2, 11, "    return (g")
    assert error.hint.startswith("Write: def my_rule(")


def test_an_error_shows_the_line_and_points_at_the_place() -> None:
    with pytest.raises(RuleError) as caught:
        parse(body("return g * bet, m"))
    assert str(caught.value) == (
        "line 2: Unknown name 'bet'.\n        return g * bet, m\n" + " " * 19 + "^\nDid you mean beta?"
    )


def test_an_expression_may_be_as_deep_as_the_limit() -> None:
    calls = MAX_DEPTH
    assert len(parse(f"def f(g):\n    return {'neg(' * calls}g{')' * calls}").body) == calls
    with pytest.raises(RuleError, match="nested too deeply"):
        parse(f"def f(g):\n    return {'neg(' * (calls + 1)}g{')' * (calls + 1)}")


def test_a_form_feed_does_not_shift_the_line_of_an_error() -> None:
    with pytest.raises(RuleError) as caught:
        parse("# \f\x1c\x0b\ndef f(g):\n    return x\n")
    assert (caught.value.line, caught.value.source_line) == (3, "    return x")


def test_text_that_python_warns_about_is_refused_without_a_warning() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for line in (r"return '\d'", "return 1 is 2", "return 1if g else 2"):
            with pytest.raises(RuleError, match="not part of the language"):
                parse(body(line))
    assert caught == []


def outcome(text: str) -> Program | RuleError:
    try:
        return parse(text)
    except RuleError as error:
        return error


WORDS = [*OPS, *UPDATE_RULE.inputs, "def", "return", "f", "m", "(", ")", ",", "=", "*", "**", "-", ":", "\n", "    "]
WORDS += ["0.9", "1e999", "'", '"', "#", "\\", "lambda", "import", "[", "{", "f'{", "\0", "\t", ";", "@", "yield", "é"]


@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)))
@example("def f(g):\n    return g")
def test_any_text_is_a_rule_or_a_rule_error(text: str) -> None:
    program = outcome(text)
    assert isinstance(program, RuleError) or parse(show(program)) == program


@st.composite
def damaged_rules(draw: st.DrawFn) -> str:
    text = zoo.entry(draw(st.sampled_from(zoo.names()))).text
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 10)))
        text = text[:start] + draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=3))) + text[end:]
    return text


@given(damaged_rules())
def test_a_damaged_rule_is_a_rule_or_a_rule_error(text: str) -> None:
    program = outcome(text)
    if isinstance(program, RuleError):
        assert 0 <= program.line <= text.count("\n") + text.count("\r") + 1
        assert program.column >= 0
    else:
        assert parse(show(program)) == program


def test_no_source_of_the_package_can_run_a_text() -> None:
    for path in Path(programs.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", "")}
                assert not names & {"pickle", "marshal", "builtins", "import_module", "runpy", "code", "ctypes"}, path
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                assert name not in {"eval", "exec", "compile", "__import__", "__builtins__", "__globals__"}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
                assert isinstance(node.args[1], ast.Constant), path
