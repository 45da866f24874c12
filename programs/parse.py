"""Text to program. The text is read as data: nothing in it is ever executed or imported.

rule  ::=  def NAME(NAME, ..., *, NAME=NUMBER, ...):
               NAME = expr
               ...
               return expr, expr, ...
expr  ::=  NAME | NUMBER | -expr | expr OP expr | OPERATION(expr, ...) | (expr)        OP: + - * / **

Whatever is a rule is also a function of Python, whose expressions are grouped as Python would group them.
"""

from __future__ import annotations

import keyword
import math

from programs.check import CheckError, check
from programs.errors import RuleError, suggest
from programs.hints import BY_NUMBER, ELSEWHERE, instead
from programs.ir import UPDATE_RULE, Arg, Const, Hyper, Instr, Program, Ref, Signature, Var
from programs.ops import INFIX, OPS
from programs.scan import END, MAX_BYTES, Words
from programs.show import show

MAX_DEPTH = 60
MAX_INSTRUCTIONS = 500
MAX_HEAD = 100
"""Most inputs, states and hyperparameters together."""
MAX_NAME = 50
_GROWTH = 64
"""More bytes than `show` adds to the text for each instruction."""
_KEYWORDS = frozenset(keyword.kwlist)
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}
_NEGATION_BINDS = 3
_NESTS = {"(": 1, ")": -1}
_OPERATIONS = {infix: op.name for infix, op in INFIX.items()}
_FORM = "Write: def my_rule(w, g, lr): ... return update"
_HEAD = "Write: def my_rule(w, g, m, lr, *, beta=0.9):"
_ALLOWED = "Allowed: names, numbers, + - * / **, and calls of operations such as sqrt(x)."
_SHORTER = "Name its parts on lines of their own."
_FEWER = "Leave out what the update does not need."
_CHOOSE = "Choose another name."
_NUMBERS = "Numbers are decimal and finite: 3, 0.001, 1e-8."


def parse(text: str, signature: Signature = UPDATE_RULE) -> Program:
    """Read one rule and check it; what is read can be shown, and read back.

    Raises:
        RuleError: The text is not a legal rule; says where, why, and what is allowed.
    """
    return _Parser(text, signature).program()


class _Parser:
    """Reads words from left to right; `word` is the next one, `at` its index, `open` the number of open brackets."""

    def __init__(self, text: str, signature: Signature) -> None:
        self.text = Words(text)
        self.words = self.text.list
        self.at = 0
        self.word = self.words[0]
        self.open = 0
        self.signature = signature
        self.scope: dict[str, Arg] = {}
        self.body: list[tuple[str, tuple[Arg, ...]]] = []
        self.names: dict[int, str] = {}
        self.places: list[int] = []

    def program(self) -> Program:
        name, names, hypers = self._head()
        outputs = self._lines()
        inputs = tuple(name for name in self.signature.inputs if name in names)
        states = tuple(name for name in names if name not in inputs)
        body = tuple(Instr(op, args, self.names.get(index, "")) for index, (op, args) in enumerate(self.body))
        program = Program(name, inputs, states, hypers, body, outputs, self.signature)
        try:
            check(program)
        except CheckError as error:
            hint = error.hint or self._help(program, error.index)
            raise self._error(error.message, hint, self.places[error.index]) from None
        if len(self.text) + _GROWTH * len(self.body) > MAX_BYTES and len(show(program)) > MAX_BYTES:
            raise self._error(f"Written out, the rule is longer than {MAX_BYTES} bytes.", _FEWER, self.places[-1])
        return program

    def _help(self, program: Program, index: int) -> str:
        """What to know about an instruction, or about the return line."""
        if index < len(program.body):
            op = OPS[program.body[index].op]
            return f"{op.name}: {op.doc}."
        values, inputs = ", ".join([*self.signature.outputs, *program.states]), ", ".join(self.signature.inputs)
        return f"Write: return {values}. Names that are not inputs ({inputs}) are states."

    def _step(self) -> str:
        """Read a word, and past line breaks where a bracket is open."""
        word = self.word
        self.at += 1
        self.word = self.words[self.at]
        if self.open and self.word[0] == "\n":  # never two in a row
            self.at += 1
            self.word = self.words[self.at]
        return word

    def _error(self, message: str, hint: str, at: int | None = None) -> RuleError:
        return self.text.error(self.at if at is None else at, message, hint)

    def _unexpected(self, expected: str, hint: str = "") -> RuleError:
        found = "the end of the line" if self.word is END or self.word[0] == "\n" else _quoted(self.word)
        return self._error(f"Expected {expected}, not {found}.", hint or instead(self.words, self.at) or _ALLOWED)

    def _read(self, word: str, hint: str) -> None:
        if self.word != word:
            raise self._unexpected(_quoted(word), hint)
        self._step()

    def _bracket(self) -> int:
        """Read an opening bracket; returns its place."""
        place = self.at
        self.open += 1
        self._read("(", _HEAD)
        return place

    def _close(self, bracket: int, hint: str = "", expected: str = "',' or ')'") -> None:
        if self.word is END or (self.word != ")" and self.words[self.at - 1][0] == "\n"):
            raise self._error("'(' is never closed.", "Write ) where the bracket ends.", bracket)
        if self.word != ")":
            raise self._unexpected(expected, hint)
        self.open -= 1
        self._step()

    def _new_name(self, what: str, hint: str) -> str:
        """Read a name that something is given."""
        if not self.word.isidentifier():
            raise self._unexpected(what, hint)
        if self.word in _KEYWORDS or self.word.startswith("__"):
            raise self._error(f"{_quoted(self.word)} is a word of Python's own.", _CHOOSE)
        if self.word in OPS:
            raise self._error(f"{self.word!r} is the name of an operation.", _CHOOSE)
        if len(self.word) > MAX_NAME:
            raise self._error(f"A name has at most {MAX_NAME} characters.", _CHOOSE)
        return self._step()

    def _indentation(self) -> str:
        """Read a line break, and the indentation of the line that follows."""
        if self.word[0] != "\n":
            raise self._unexpected("the end of the line")
        return self._step().rpartition("\n")[2]

    def _head(self) -> tuple[str, list[str], tuple[Hyper, ...]]:
        if self._indentation() or self.word != "def":
            raise self._error("A rule is exactly one function.", _FORM)
        self._step()
        name = self._new_name("the name of the rule", _HEAD)
        bracket = self._bracket()
        names: list[str] = []
        hypers: list[Hyper] = []
        starred = False
        while self.word != ")":
            if self.word == "*" and not starred:
                starred = True
                self._step()
                self._read(",", _HEAD)
            if starred:
                hypers.append(self._hyper())
            else:
                names.append(self._head_name())
            if self.word != ",":
                break
            self._step()
        self._close(bracket, f"Names have no types. {_HEAD}" if self.word == ":" else _HEAD)
        self._read(":", _HEAD)
        return name, names, tuple(hypers)

    def _head_name(self) -> str:
        place = self.at
        name = self._new_name("a name", _HEAD)
        if name in self.scope:
            raise self._error(f"{name!r} is named twice.", _CHOOSE, place)
        if len(self.scope) == MAX_HEAD:
            raise self._error(f"The head of a rule has at most {MAX_HEAD} names.", _FEWER, place)
        self.scope[name] = Ref(name)
        return name

    def _hyper(self) -> Hyper:
        place = self.at
        name = self._head_name()
        if name in self.signature.inputs:
            raise self._error(f"{name!r} is an input, not a hyperparameter.", "Name it before the star.", place)
        if self.word != "=":
            raise self._error(f"The hyperparameter {name!r} needs a default.", _HEAD, place)
        self._step()
        place = self.at
        value = self._expression(0, 0)
        if not isinstance(value, Const):
            raise self._error(f"The default of {name!r} must be a number.", _NUMBERS, place)
        return Hyper(name, value.value)

    def _lines(self) -> tuple[Arg, ...]:
        """Read all that follows the head; returns the outputs."""
        if self.word[0] == "\n":
            indentation = self._indentation()
            if not indentation and self.word is not END:
                raise self._error("The lines of a rule are indented.", "Put four spaces in front of each.")
            while self.word != "return":
                self._assignment()
                if self._indentation() != indentation and self.word is not END:
                    raise self._error("The lines of a rule are indented alike.", "Start them all in one column.")
        outputs = self._return()
        self._indentation()
        if self.word is not END:
            raise self._error("Nothing follows the `return` of a rule.", "A text is one rule, with one `return`.")
        return outputs

    def _assignment(self) -> None:
        if self.word is END:
            outputs = ", ".join(self.signature.outputs)
            message = f"A rule ends with `return {outputs}, ...` and its state slots."
            raise self._error(message, "Write what it returns on a last line.", self.at - 1)
        if self.words[self.at + 1] != "=":
            message = "A rule is made of lines `name = expression` and ends with one `return`."
            hint = "Write: x = x + y." if "=" in self.words[self.at + 2 : self.at + 3] else ""
            hint = hint or instead(self.words, self.at) or instead(self.words, self.at + 1)
            raise self._error(message, hint or "Write: m = interp(g, m, beta)")
        name = self._new_name("a name", "Write: m = interp(g, m, beta)")
        self._step()
        before = len(self.body)
        value = self._expression(0, 0)
        if isinstance(value, Var) and before <= value.index == len(self.body) - 1:
            self.names[value.index] = name
        self.scope[name] = value

    def _return(self) -> tuple[Arg, ...]:
        place = self.at
        self._read("return", _FORM)
        bracket = self._bracket() if self._one_bracket() else None
        values = [self._expression(0, 0)]
        while self.word == ",":
            self._step()
            if self.word == ")" or self.word[0] == "\n":
                break
            values.append(self._expression(0, 0))
        if bracket is not None:
            self._close(bracket)
        self.places.append(place)
        return tuple(values)

    def _one_bracket(self) -> bool:
        """Whether one pair of brackets is all that follows in this line."""
        depth = 0
        for at in range(self.at, len(self.words)):
            depth += _NESTS.get(self.words[at], 0)
            if depth == 0:
                return at > self.at and self.words[at + 1][0] == "\n"
        return False

    def _expression(self, least: int, depth: int) -> Arg:
        """Read on while operators bind more tightly than `least`."""
        place = self.at
        if depth > MAX_DEPTH:
            raise self._error("The expression is nested too deeply.", _SHORTER)
        if self.word in self.scope:
            left = self.scope[self._step()]
        elif self.word == "-":
            self._step()
            value = self._expression(_NEGATION_BINDS, depth + 1)
            left = Const(0.0 - value.value) if isinstance(value, Const) else self._emit(place, "neg", (value,))
        else:
            left = self._operand(depth + 1)
        while (binds := _BINDS.get(self.word, 0)) > least:
            operator = self._step()
            right = self._expression(_NEGATION_BINDS if operator == "**" else binds, depth + 1)
            left = self._emit(place, _OPERATIONS[operator], (left, right))
        return left

    def _operand(self, depth: int) -> Arg:
        """Read a number, a call, or an expression in brackets."""
        word = self.word
        if word == "(":
            bracket = self._bracket()
            value = self._expression(0, depth)
            self._close(bracket, expected="')'")
            return value
        if word[0].isdigit() or (word[0] == "." and len(word) > 1):
            return self._number()
        if not word.isidentifier() or word in _KEYWORDS:
            raise self._unexpected("an expression")
        if self.words[self.at + 1] == "(":
            return self._call(depth)
        raise self._error(f"Unknown name {_quoted(word)}.", self._about_name(word))

    def _about_name(self, word: str) -> str:
        """What to know about a name that has no value."""
        if self.words[self.at + 1] in ("=", ":", "."):
            return instead(self.words, self.at + 1)
        if word in OPS:
            return f"Call it: {word}(...)."
        if word in self.signature.inputs or not self.scope:
            return f"Inputs are named in the head. {_HEAD}"
        return suggest(word, self.scope)

    def _number(self) -> Const:
        place, word = self.at, self._step()
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if math.isnan(value) or (word[0] == "0" and word[1:2] not in ("", ".", "e", "E")):
            raise self._error(f"{_quoted(word)} is not a number of the language.", _NUMBERS, place)
        if math.isinf(value):
            raise self._error("The number is too large.", _NUMBERS, place)
        return Const(value)

    def _call(self, depth: int) -> Var:
        place, name = self.at, self._step()
        if name not in OPS:
            hint = f"Write: {ELSEWHERE[name]}." if name in ELSEWHERE else suggest(name, OPS)
            raise self._error(f"Unknown operation {_quoted(name)}.", hint, place)
        bracket = self._bracket()
        args: list[Arg] = []
        while self.word != ")":
            args.append(self._expression(0, depth))
            if self.word != ",":
                break
            self._step()
        self._close(bracket)
        op = OPS[name]
        if len(args) != op.arity:
            takes = f"{op.arity} argument{'s' * (op.arity > 1)}"
            by_number = f" Number by number: {BY_NUMBER[name]}." if name in BY_NUMBER and len(args) == 2 else ""
            raise self._error(f"{name} takes {takes}, not {len(args)}.", f"{name}: {op.doc}.{by_number}", place)
        return self._emit(place, name, tuple(args))

    def _emit(self, place: int, op: str, args: tuple[Arg, ...]) -> Var:
        if len(self.body) == MAX_INSTRUCTIONS:
            raise self._error(f"A rule has at most {MAX_INSTRUCTIONS} instructions.", _FEWER, place)
        self.body.append((op, args))
        self.places.append(place)
        return Var(len(self.body) - 1)


def _quoted(word: str) -> str:
    return repr(word if len(word) <= MAX_NAME else f"{word[:MAX_NAME]}...")
