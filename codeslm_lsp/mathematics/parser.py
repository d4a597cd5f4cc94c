"""Mathematical text → an expression, by precedence climbing over tokens. Never runs anything that the text says.

From loose to tight: relations, ``∪``, ``+ -``, ``* /`` and products without a sign, a sign before, powers (to the
right), ``! % °`` behind. ``-x^2`` is ``-(x^2)``; ``sin 2x`` takes what stands close together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from codeslm_lsp.mathematics.expressions import (
    MAX_NESTING,
    Binary,
    Call,
    Collection,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
    within_limits,
)
from codeslm_lsp.mathematics.functions import (
    CONSTANTS,
    FUNCTIONS,
    INVERSES,
    PREFIX_FUNCTIONS,
    function_named,
)
from codeslm_lsp.mathematics.tokens import Token, tokens_of
from codeslm_lsp.values import ExpressionError

RELATIONS = frozenset({"=", "!=", "<", "<=", ">", ">=", "in"})

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_GLUED = re.compile(r"(sin|cos|tan|cot|sec|csc|ln|log|exp|sqrt)([a-z]|theta|alpha|beta|pi)")
_BASED_LOG = re.compile(r"log_?(\d{1,3}|[a-z])")
_CALLABLE_LETTERS = frozenset("fghFGHPp")
"""A letter before brackets is a factor, but these are functions to everybody."""


def parse_plain(text: str, names: Iterable[str] = ()) -> Expression:
    """What a plain text says. ``names`` are declared: they are never read as products of letters.

    ``2x(x+1)`` → ``2*x*(x+1)``. Raises ``ExpressionError``.
    """
    return parse_tokens(tokens_of(text), names)


def parse_tokens(tokens: tuple[Token, ...], names: Iterable[str] = ()) -> Expression:
    """What tokens say, the last of which is of kind ``end``. Raises ``ExpressionError``."""
    return within_limits(Parser(tokens, frozenset(names)).whole())


class Parser:
    """Reads tokens once, from left to right."""

    def __init__(self, tokens: tuple[Token, ...], names: frozenset[str]) -> None:
        self._tokens = tokens
        self._place = 0
        self._n_deep = 0
        self._bars = 0
        self._names = names
        self._letters = names | {token.text for token in tokens if token.kind == "name" and len(token.text) == 1}

    def whole(self) -> Expression:
        """All of it, a list without brackets being a collection."""
        items = [self._relation()]
        while self._takes(","):
            items.append(self._relation())
        if self._next.kind != "end":
            raise self._error(f"{self._shown()} is not expected")
        return items[0] if len(items) == 1 else Collection("", tuple(items))

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _is(self, *operators: str) -> bool:
        return self._next.kind == "operator" and self._next.text in operators

    def _take(self) -> Token:
        token = self._next
        self._place += token.kind != "end"
        return token

    def _takes(self, operator: str) -> bool:
        if self._is(operator):
            self._take()
            return True
        return False

    def _expect(self, operator: str) -> None:
        if not self._takes(operator):
            raise self._error(f"{operator!r} is expected instead of {self._shown()}")

    def _shown(self) -> str:
        return "the end" if self._next.kind == "end" else repr(self._next.text)

    def _error(self, what: str) -> ExpressionError:
        return ExpressionError(f"At character {self._next.start + 1} {what}; check the expression there.")

    def _relation(self) -> Expression:
        operands, operators = [self._union()], []
        while (self._next.kind == "operator" and self._next.text in RELATIONS) or self._is_word("in"):
            operators.append(self._take().text)
            operands.append(self._union())
        return Relation(tuple(operators), tuple(operands)) if operators else operands[0]

    def _union(self) -> Expression:
        left = self._sum()
        while self._takes("∪"):
            left = Binary("∪", left, self._sum())
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while self._is("+", "-"):
            left = Binary(self._take().text, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while True:
            if self._is("*", "/"):
                operator = self._take().text
                divisor_at = self._place
                left = Binary(operator, left, self._signed())
                if operator == "/" and self._next.tight and self._starts_factor() and self._is_single(divisor_at):
                    raise self._error("it is not clear whether a factor is divided by; write brackets around it")
            elif self._takes("//"):
                left = Call("floor", (Binary("/", left, self._signed()),))
            elif (self._is("%") and not self._percent_here()) or self._is_word("mod"):
                self._take()
                left = Call("mod", (left, self._signed()))
            elif self._is_word("of"):
                self._take()
                left = Binary("*", left, self._signed())
            elif self._starts_factor():
                left = Binary("*", left, self._power())
            else:
                return left

    def _is_single(self, start: int) -> bool:
        """Whether the divisor that began there is not a bracket: ``1/2x``, but not ``1/(2)x``."""
        return self._tokens[start].kind in ("number", "name")

    def _is_word(self, word: str) -> bool:
        following = self._tokens[self._place + 1] if self._next.kind != "end" else None
        return (
            self._next.kind == "name"
            and self._next.text == word
            and word not in self._names
            and (word == "in" or (following is not None and not (following.text == "(" and following.tight)))
        )

    def _starts_factor(self) -> bool:
        """Whether a product goes on without a sign."""
        token = self._next
        if token.kind == "name":
            return not (self._is_word("mod") or self._is_word("in") or self._is_word("of"))
        if token.kind == "number":
            before = self._tokens[self._place - 1]
            return before.text == ")" or (before.kind == "name" and not token.tight) or before.kind == "node"
        return token.kind == "node" or self._is("(", "√", "⌊", "⌈") or (self._is("|") and not self._bars)

    def _signed(self) -> Expression:
        if self._is("-", "+"):
            sign = self._take().text
            operand = self._deeper(self._signed)
            return Unary("-", operand) if sign == "-" else operand
        return self._power()

    def _deeper(self, read: object) -> Expression:
        self._n_deep += 1
        if self._n_deep > MAX_NESTING:
            raise ExpressionError(f"The expression is nested more than {MAX_NESTING} deep; split it.")
        assert callable(read)
        node: Expression = read()
        self._n_deep -= 1
        return node

    def _power(self) -> Expression:
        base = self._postfix(self._atom())
        if self._takes("^"):
            exponent_at = self._place
            power = Binary("^", base, self._deeper(self._signed))
            is_number = self._tokens[exponent_at].kind == "number" and self._place == exponent_at + 1
            if is_number and self._next.kind == "name" and self._next.tight and base in (Name("e"), _number(base)):
                raise self._error("it is not clear whether a factor is in the exponent; write brackets around it")
            return power
        return base

    def _postfix(self, node: Expression) -> Expression:
        while self._is("!", "°") or (self._is("%") and self._percent_here()):
            node = Unary(self._take().text, node)
        if isinstance(node, Unary) and self._is("^") and node.operator != "-":
            return node
        return node

    def _percent_here(self) -> bool:
        """Whether ``%`` ends an operand; before another one it is a remainder."""
        following = self._tokens[self._place + 1]
        is_operand = following.kind in ("number", "node") or (following.kind == "name" and following.text != "of")
        return not (is_operand or following.text in ("(", "|", "√"))

    def _atom(self) -> Expression:
        token = self._take()
        match token.kind, token.text:
            case "number", digits:
                return Number(digits)
            case "node", _ if token.node is not None:
                return self._big(token.node) if token.big else token.node
            case "name", name:
                return self._named(name, token)
            case "operator", "(" | "[" | "{":
                return self._bracketed(token.text)
            case "operator", "|":
                return self._deeper(self._absolute)
            case "operator", "⌊" | "⌈":
                return self._deeper(lambda: self._rounded(token.text))
            case "operator", "√":
                return Call("sqrt", (self._deeper(lambda: self._postfix(self._atom())),))
        self._place -= token.kind != "end"
        raise self._error(f"a number, a name or a bracket is expected instead of {self._shown()}")

    def _absolute(self) -> Expression:
        self._bars += 1
        inside = self._sum()
        self._expect("|")
        self._bars -= 1
        return Call("abs", (inside,))

    def _rounded(self, opening: str) -> Expression:
        """Up to the closing half bracket."""
        bars, self._bars = self._bars, 0
        inside = self._sum()
        self._bars = bars
        self._expect("⌋" if opening == "⌊" else "⌉")
        return Call("floor" if opening == "⌊" else "ceil", (inside,))

    def _big(self, head: Expression) -> Expression:
        """A sum, product, limit or derivative whose body follows it."""
        assert isinstance(head, Call)
        body = self._deeper(self._body)
        return Call(head.function, (body, *head.arguments))

    def _body(self) -> Expression:
        """What follows ``d/dx`` or a sum sign: a bracket with its exponent, or a product."""
        return self._product()

    def _bracketed(self, opening: str) -> Expression:
        bars, self._bars = self._bars, 0
        items = [] if self._is(")", "]", "}") else [self._deeper(self._relation)]
        while self._takes(","):
            items.append(self._deeper(self._relation))
        self._bars = bars
        closing = self._take().text
        if closing == _CLOSING[opening]:
            if len(items) == 1 and opening == "(":
                return items[0]
            return Collection(opening + closing, tuple(items))
        if opening + closing in ("[)", "(]") and len(items) == 2:
            return Collection(opening + closing, tuple(items))
        self._place -= closing != "the end"
        raise self._error(f"{_CLOSING[opening]!r} is expected instead of {self._shown()}")

    def _named(self, name: str, token: Token) -> Expression:
        derivative = self._derivative(name)
        if derivative is not None:
            return self._big(derivative)
        if name in self._names:
            return Name(name)
        if self._glued(name):
            return self._named(self._tokens[self._place - 1].text, token)
        function = function_named(name)
        if function is not None and (self._is("(") or function in PREFIX_FUNCTIONS):
            return self._call(function)
        based = _BASED_LOG.fullmatch(name)
        if based is not None:
            base: Expression = Number(based.group(1)) if based.group(1).isdigit() else Name(based.group(1))
            return Call("log", (self._argument("log"), base))
        if (
            self._is("(")
            and self._next.tight
            and (len(name) > 1 or name in _CALLABLE_LETTERS)
            and name not in CONSTANTS
        ):
            if self._splits(name):
                return self._split(name)
            raise ExpressionError(
                f"{name} at character {token.start + 1} is not a known function; write what it means."
            )
        return self._split(name) if self._splits(name) else Name(name)

    def _glued(self, name: str) -> bool:
        """Whether it was ``sinx``, which is two tokens from now on."""
        found = _GLUED.fullmatch(name)
        if found is None or function_named(name) is not None:
            return False
        start = self._tokens[self._place - 1].start
        parts = (Token("name", found[1], start), Token("name", found[2], start + len(found[1])))
        self._tokens = (*self._tokens[: self._place - 1], *parts, *self._tokens[self._place :])
        return True

    def _splits(self, name: str) -> bool:
        """Whether ``xy`` is x times y: letters that stand alone, or in another order, elsewhere in the text."""
        if not 2 <= len(name) <= 4 or name in CONSTANTS:
            return False
        is_product = all(letter in self._letters for letter in name)
        return is_product or any(
            token.kind == "name" and token.text != name and sorted(token.text) == sorted(name) for token in self._tokens
        )

    def _split(self, name: str) -> Expression:
        """All but the last letter; that one may have an exponent, so it is read as the next factor."""
        place = self._tokens[self._place - 1].start
        letters = tuple(Token("name", letter, place + i) for i, letter in enumerate(name))
        self._tokens = (*self._tokens[: self._place], *letters[1:], *self._tokens[self._place :])
        return Name(name[0])

    def _derivative(self, name: str) -> Expression | None:
        """``d/dx`` or ``d^2/dx^2``, of which ``d`` has been read."""
        following = self._tokens[self._place : self._place + 6]
        texts = [token.text for token in following]
        if name != "d" or "d" in self._names:
            return None
        if len(texts) >= 2 and texts[0] == "/" and _is_differential(texts[1]):
            self._place += 2
            return Call("diff", (Name(texts[1][1:]),))
        is_power = len(texts) == 6 and texts[0] == texts[4] == "^" and texts[2] == "/" and _is_differential(texts[3])
        if is_power and texts[1] == texts[5] and texts[1].isdigit():
            self._place += 6
            return Call("diff", (Name(texts[3][1:]), Number(texts[1])))
        return None

    def _call(self, function: str) -> Expression:
        """A function's name has been read."""
        exponent: Expression | None = None
        if self._is("^") and function in PREFIX_FUNCTIONS:
            self._take()
            exponent = self._deeper(self._exponent)
            if exponent == Unary("-", Number("1")) and function in INVERSES:
                function, exponent = INVERSES[function], None
        if self._is("("):
            self._take()
            arguments = self._arguments()
            call = checked_call(function, arguments, self._next.start)
        else:
            call = Call(function, (self._argument(function),))
        return call if exponent is None else Binary("^", call, exponent)

    def _exponent(self) -> Expression:
        """Of a function's name: ``sin^2 x``, where the power must not take the argument."""
        if self._takes("-"):
            return Unary("-", self._atom())
        return self._atom()

    def _arguments(self) -> tuple[Expression, ...]:
        inside = self._bracketed("(")
        if isinstance(inside, Collection) and self._tokens[self._place - 1].text == ")" and inside.brackets == "()":
            return _without_tuples(inside.items)
        return (inside,)

    def _argument(self, function: str) -> Expression:
        """Of a function without brackets: a bracket, or factors that stand close together."""
        if self._is("("):
            self._take()
            (argument, *others) = self._arguments()
            if others:
                raise self._error(f"{function} takes one argument here")
            return argument
        argument = self._deeper(self._power)
        while self._next.tight and self._starts_factor() and not self._is("(", "|") and not self._is_function():
            argument = Binary("*", argument, self._deeper(self._power))
        return argument

    def _is_function(self) -> bool:
        return self._next.kind == "name" and function_named(self._next.text) in PREFIX_FUNCTIONS


def _number(node: Expression) -> Number | None:
    return node if isinstance(node, Number) else None


def checked_call(function: str, arguments: tuple[Expression, ...], place: int = 0) -> Call:
    """A call with as many arguments as the function takes. Raises ``ExpressionError``."""
    fewest, most = FUNCTIONS[function]
    if not fewest <= len(arguments) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise ExpressionError(f"Before character {place + 1} {function} has {len(arguments)} arguments, not {wanted}.")
    places = (1,) if function in ("sum", "product", "integrate", "diff", "limit") else ()
    if any(not isinstance(arguments[i], Name) for i in places) or (function == "integrate" and len(arguments) == 3):
        raise ExpressionError(f"The second argument of {function} is its variable, as in {function}(f, x, …).")
    pairs = len(arguments) - len(arguments) % 2
    for i, each in enumerate(arguments):
        is_condition = isinstance(each, Relation) or (isinstance(each, Call) and each.function in ("all", "any"))
        if is_condition != (function in ("all", "any") or (function == "cases" and i < pairs and i % 2 == 1)):
            what = "a condition such as x < 0" if not is_condition else "a number, not a relation"
            raise ExpressionError(f"Argument {i + 1} of {function} must be {what}; correct that.")
    return Call(function, arguments)


def _without_tuples(arguments: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """``sum(f, (k, 1, n))`` is written as well as ``sum(f, k, 1, n)``."""
    if len(arguments) == 2 and isinstance(arguments[1], Collection) and arguments[1].brackets == "()":
        return (arguments[0], *arguments[1].items)
    return arguments


def _is_differential(text: str) -> bool:
    return len(text) > 1 and text[0] == "d" and text[1:].isalpha()
