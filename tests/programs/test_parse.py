import pytest

from programs.errors import RuleError
from programs.ir import Const, Hyper, Instr, Program, Ref, Var
from programs.parse import MAX_DEPTH, MAX_HEAD, MAX_INSTRUCTIONS, MAX_NAME, parse
from programs.scan import MAX_BYTES

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
    numbers = ["1e-8", "0.1", "1_000", "1.", ".5", "1E5", "1e22", "-5e-324", "-0.0", "-0", "12345678901234567890"]
    program = parse(
        f"def f(g, *, a=-0.0, {', '.join(f'b{i}={n}' for i, n in enumerate(numbers))}):\n    return g + -0.0"
    )
    defaults = [hyper.default for hyper in program.hypers[1:]]
    assert defaults == [1e-8, 0.1, 1000.0, 1.0, 0.5, 1e5, 1e22, -5e-324, 0.0, 0.0, 12345678901234567890.0]
    zero = program.body[0].args[1]
    assert [str(x) for x in (program.hypers[0].default, defaults[-3], zero)] == ["0.0", "0.0", "Const(value=0.0)"]


WRONG: dict[str, tuple[str, int, int, str, str]] = {
    # What is wrong: text, line, column, part of the message, part of the hint.
    "empty": ("", 1, 0, "exactly one function", "def my_rule"),
    "no function": ("x = 1", 1, 0, "exactly one function", "def my_rule"),
    "two functions": ("def f(g):\n    return g\ndef h(g):\n    return g", 3, 0, "Nothing follows", "one rule"),
    "import before": ("import os\ndef f(g):\n    return g", 1, 0, "exactly one function", "def my_rule"),
    "class": ("class A:\n    pass", 1, 0, "exactly one function", "def my_rule"),
    "async": ("async def f(g):\n    return g", 1, 0, "exactly one function", "def my_rule"),
    "decorator": ("@cache\ndef f(g):\n    return g", 1, 0, "exactly one function", "def my_rule"),
    "return annotation": ("def f(g) -> float:\n    return g", 1, 9, "Expected ':', not '-'", "def my_rule"),
    "annotation": ("def f(g: float):\n    return g", 1, 7, "not ':'", "def my_rule"),
    "default on positional": ("def f(g, m=0):\n    return g, m", 1, 10, "not '='", "def my_rule"),
    "positional only": ("def f(g, /, m):\n    return g, m", 1, 9, "Expected a name, not '/'", "def my_rule"),
    "star arguments": ("def f(*g):\n    return g", 1, 7, "Expected ',', not 'g'", "def my_rule"),
    "keyword arguments": ("def f(g, **k):\n    return g", 1, 9, "Expected a name, not '**'", "def my_rule"),
    "no default": ("def f(g, *, a):\n    return g", 1, 12, "needs a default", ""),
    "default no number": ("def f(g, *, a=g):\n    return g", 1, 14, "must be a number", ""),
    "default computed": ("def f(g, *, a=1 - 0.1):\n    return g", 1, 14, "must be a number", ""),
    "default text": ("def f(g, *, a='x'):\n    return g", 1, 14, "Expected an expression", "# comments"),
    "default True": ("def f(g, *, a=True):\n    return g", 1, 14, "Expected an expression, not 'True'", "Allowed"),
    "name twice": ("def f(g, m, m):\n    return g, m, m", 1, 12, "'m' is named twice", ""),
    "name twice, once as hyperparameter": ("def f(g, m, *, m=1):\n    return g, m", 1, 15, "'m' is named twice", ""),
    "operation as a state": ("def f(g, sqrt):\n    return g, sqrt", 1, 9, "name of an operation", ""),
    "operation as a name": (body("sqrt = g", "return sqrt, m"), 2, 4, "name of an operation", ""),
    "input as hyperparameter": ("def f(g, *, lr=0.1):\n    return g", 1, 12, "is an input", ""),
    "unknown operation": (body("return sqr(g), m"), 2, 11, "Unknown operation 'sqr'", "sqrt"),
    "unknown name": (body("n = m", "return g * bet, n"), 3, 15, "Unknown name 'bet'", "beta"),
    "operation not called": (body("return g * sqrt, m"), 2, 15, "Unknown name 'sqrt'", "Call it: sqrt(...)"),
    "input that the head lacks": ("def f(g):\n    return g * lr", 2, 15, "Unknown name 'lr'", "named in the head"),
    "empty head": ("def f():\n    return x", 2, 11, "Unknown name 'x'", "named in the head"),
    "name used before": (body("x = y", "y = g", "return x, m"), 2, 8, "Unknown name 'y'", "Known:"),
    "too few arguments": (body("return interp(g, m), m"), 2, 11, "interp takes 3 arguments, not 2", ""),
    "too many arguments": (body("return sqrt(g, m), m"), 2, 11, "sqrt takes 1 argument, not 2", ""),
    "a reduction of two": (body("return max(g, 0), m"), 2, 11, "max takes 1 argument, not 2", "maximum(x, y)"),
    "another library's name": (body("return lerp(g, m, 0.9), m"), 2, 11, "Unknown operation 'lerp'", "interp(x, y, a)"),
    "two of one shape": (body("return matmul(g, g), m"), 2, 11, "cannot multiply", "matmul(x, transpose(y))"),
    "keyword argument": (body("return clip(g, low=0, high=1), m"), 2, 19, "Unknown name 'low'", "in order"),
    "starred argument": (body("return add(*g), m"), 2, 15, "Expected an expression, not '*'", "Allowed"),
    "reduction of a scalar": (
        body("x = 2", "return g * norm(lr), m"),
        3,
        15,
        "norm needs a tensor, but is given a scalar",
        "",
    ),
    "update is a scalar": (
        body("return lr, g"),
        2,
        4,
        "update must be a tensor, but is a scalar",
        "one number for each weight",
    ),
    "update is one number per tensor": (body("return norm(g), g"), 2, 4, "update must be a tensor", ""),
    "missing return value": (body("return g * lr"), 2, 4, "1 value is returned; update rules return update, m", ""),
    "extra return value": (
        body("return g * lr, m, m"),
        2,
        4,
        "3 values are returned; update rules return update, m",
        "",
    ),
    "no dependence on g": (body("m = m + 1", "return w * lr, m"), 3, 4, "does not depend on 'g'", "do not learn"),
    "g only in a dead state": (body("m = m + g", "return w * lr, m"), 3, 4, "does not depend on 'g'", "do not learn"),
    "no return": (body("m = g"), 2, 9, "ends with `return update", "last line"),
    "bare return": (body("return"), 2, 10, "Expected an expression, not the end of the line", "Allowed"),
    "return in between": (body("return g, m", "return g, m"), 3, 4, "Nothing follows the `return`", "one `return`"),
    "docstring": (body('"""Adam."""', "return g, m"), 2, 4, "name = expression", "# comments"),
    "import": (body("import os", "return g, m"), 2, 4, "name = expression", ""),
    "for": (body("for i in g:", "    m = i", "return g, m"), 2, 4, "name = expression", "no loops"),
    "if": (body("if t:", "    m = g", "return g, m"), 2, 4, "name = expression", "where(condition, x, y)"),
    "augmented assignment": (body("m *= beta", "return g, m"), 2, 4, "name = expression", "x = x + y"),
    "annotated assignment": (body("m: float = g", "return g, m"), 2, 4, "name = expression", ""),
    "two targets": (body("a = b = g", "return g, m"), 2, 8, "Unknown name 'b'", "One = a line"),
    "tuple target": (body("a, b = g, m", "return g, m"), 2, 4, "name = expression", "no lists or tuples"),
    "list": (body("return [g, m]"), 2, 11, "Expected an expression, not '['", "no lists or tuples"),
    "tuple default": (
        "def f(g, *, betas=(0.9, 0.99)):\n    return g",
        1,
        22,
        "Expected ')', not ','",
        "a name of its own",
    ),
    "attribute target": (body("g.data = m", "return g, m"), 2, 4, "name = expression", ""),
    "text": (body("return g * 'x', m"), 2, 15, "Expected an expression", "# comments"),
    "attribute": (body("return g.data, m"), 2, 12, "not '.'", "bare name"),
    "method of a tensor": (body("return g.mean(), m"), 2, 12, "not '.'", "bare name: mean(x)"),
    "transpose of a tensor": (body("return matmul(g, g.T), m"), 2, 22, "not '.'", "transpose(x)"),
    "method": (body("return torch.sqrt(g), m"), 2, 11, "Unknown name 'torch'", "bare name: sqrt(x)"),
    "subscript": (body("return g[0], m"), 2, 12, "not '['", "a whole tensor"),
    "comparison": (body("return g * (g > m), m"), 2, 18, "not '>'", "greater(x, y)"),
    "less": (body("return g * (g < m), m"), 2, 18, "not '<'", "greater(y, x)"),
    "at most": (body("return g * (g <= m), m"), 2, 18, "not '<'", "1 - greater(x, y)"),
    "equal": (body("return g * (g == m), m"), 2, 18, "not '='", "where(x - y, 0, 1)"),
    "unequal": (body("return g * (g != m), m"), 2, 18, "not '!'", "where(x - y, 1, 0)"),
    "both": (body("return g and m, m"), 2, 13, "not 'and'", "x * y"),
    "opposite": (body("return not g, m"), 2, 11, "Expected an expression, not 'not'", "1 - x"),
    "choice": (body("return (g if lr else m), m"), 2, 14, "not 'if'", "where(condition, x, y)"),
    "lambda": (body("return (lambda: g)(), m"), 2, 12, "Expected an expression, not 'lambda'", "Allowed"),
    "walrus": (body("return (m := g), m"), 2, 14, "Expected ')', not ':'", "line of its own"),
    "matrix product": (body("return g @ g, m"), 2, 13, "not '@'", "matmul(x, y)"),
    "complex": (body("return g * 1j, m"), 2, 15, "'1j' is not a number", "decimal"),
    "None": (body("return None"), 2, 11, "Expected an expression, not 'None'", "Allowed"),
    "infinite number": (body("return g * 1e400, m"), 2, 15, "too large", ""),
    "infinite whole number": (body("return g * " + "9" * 400 + ", m"), 2, 15, "too large", ""),
    "infinite default": ("def f(g, *, a=1e400):\n    return g", 1, 14, "too large", ""),
    "not ASCII": (body("x = g", "β = g", "return g, m"), 3, 4, "plain ASCII", ""),
    "byte order mark": ("\ufeff" + body("return g, m"), 1, 0, "plain ASCII", "byte-order mark"),
    "minus sign": (body("return g \u2212 m, m"), 2, 13, "plain ASCII", "a plain -"),
    "lone surrogate": (body("return g, m  # \ud800"), 2, 19, "plain ASCII", ""),
    "NUL": (body("return g\0, m"), 2, 12, "plain ASCII", ""),
    "too long": ("#" * MAX_BYTES + "\n" + body("return g, m"), 1, MAX_BYTES, "8192 bytes", "comments"),
    "too long in bytes": ("#" + "é" * 5000, 1, 1, "plain ASCII", "a to z"),
    "nested calls": (body(f"return {'neg(' * 100}g{')' * 100}, m"), 2, 255, "nested too deeply", "lines of their own"),
    "too long written out": (
        body(*["x = interp(g,1e15,1e15)"] * 280, "return x, m"),
        282,
        4,
        "Written out",
        "does not need",
    ),
    "one more instruction": (body(f"return {'g + ' * MAX_INSTRUCTIONS}g + g, m"), 2, 11, "500 instructions", "Leave"),
    "one more name": (f"def f(g, {', '.join(f's{i}' for i in range(MAX_HEAD))}): return g", 1, 494, "100 names", ""),
    "one more character": (body(f"{'x' * (MAX_NAME + 1)} = g", "return g, m"), 2, 4, "at most 50 characters", ""),
    "words of Python": ("def f(g, *, lambda=1):\n    return g", 1, 12, "'lambda' is a word of Python's own", "another"),
    "names of Python": (body("__debug__ = g", "return g, m"), 2, 4, "'__debug__' is a word of Python's own", "another"),
    "type parameters": ("def f[T](g):\n    return g", 1, 5, "Expected '(', not '['", "def my_rule"),
    "never closed": (body("return (g"), 2, 11, "'(' is never closed", "Write )"),
    "never closed before": (body("m = sqrt(g", "return m, m"), 2, 12, "'(' is never closed", "Write )"),
    "never opened": (body("return g), m"), 2, 12, "Expected the end of the line, not ')'", ""),
    "not indented": ("def f(g):\nreturn g", 2, 0, "lines of a rule are indented", "four spaces"),
    "head indented": ("  def f(g):\n    return g", 1, 2, "exactly one function", ""),
    "indented further": (body("x = g", "    return g, m"), 3, 8, "indented alike", "one column"),
    "tabs and spaces": ("def f(g):\n\tx = g\n        return x", 3, 8, "indented alike", "one column"),
    "continued line": (body("return g + \\", "   g, m"), 2, 15, "Expected an expression", "a bracket is open"),
    "two statements a line": (body("m = g; return g, m"), 2, 9, "not ';'", "line of its own"),
    "one line of anything": ("def f(g): yield g", 1, 10, "Expected 'return', not 'yield'", "Write"),
    "octal": (body("return g * 010, m"), 2, 15, "'010' is not a number", "decimal"),
    "hexadecimal": (body("return g * 0x10, m"), 2, 15, "'0x10' is not a number", "decimal"),
    "two points": (body("return g * 1.2.3, m"), 2, 15, "'1.2.3' is not a number", "decimal"),
    "number and word": (body("return 1if g else 2, m"), 2, 11, "'1if' is not a number", "decimal"),
    "positive sign": (body("return +g, m"), 2, 11, "Expected an expression, not '+'", ""),
    "floor division": (body("return g // 2, m"), 2, 14, "Expected an expression, not '/'", "floor(x / y)"),
    "remainder": (body("return g % 2, m"), 2, 13, "not '%'", "x - y * floor(x / y)"),
    "call of a result": (body("return sqrt(g)(m), m"), 2, 18, "Expected the end of the line, not '('", ""),
    "nested brackets": (body(f"return {'(' * 3000}g{')' * 3000}, m"), 2, 72, "nested too deeply", "lines of their own"),
    "nested signs": (body(f"return {'-' * 7000}g, m"), 2, 72, "nested too deeply", "lines of their own"),
    "nested powers": (body(f"return {'g**' * 2000}g, m"), 2, 194, "nested too deeply", "lines of their own"),
    "huge whole number": (body("return g * " + "9" * 5000 + ", m"), 2, 15, "too large", "finite"),
    "form feed": ("# \f\ndef f(g):\n    return x\n", 1, 2, "plain ASCII", ""),
    "escape": (body("return g, m  # \x1b[2J"), 2, 19, "plain ASCII", ""),
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
    assert error.source_line == text.split("\n")[line - 1][:MAX_BYTES]
    assert error.hint


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
