"""LaTeX → the plain text that means the same, which ``parser`` reads: commands are replaced, groups become brackets."""

from __future__ import annotations

import re

from codeslm_lsp.mathematics.expressions import MAX_CHARS, MAX_NESTING
from codeslm_lsp.values import ExpressionError

_DROPPED = frozenset(
    [
        r"left",
        r"right",
        r"big",
        r"Big",
        r"bigg",
        r"Bigg",
        r"bigl",
        r"bigr",
        r"Bigl",
        r"Bigr",
        r"displaystyle",
        r"textstyle",
        r"limits",
        r"nolimits",
        r"quad",
        r"qquad",
        r",",
        r";",
        r":",
        r"!",
        r"mathrm",
        r"mathit",
        r"mathbf",
        r"boldsymbol",
        r"operatorname*",
        r"operatorname",
    ]
)
_REPLACED = {
    "cdot": "*", "times": "*", "div": "/", "pi": " pi ", "infty": " oo ", "le": "<=", "leq": "<=", "leqslant": "<=",
    "ge": ">=", "geq": ">=", "geqslant": ">=", "ne": "!=", "neq": " != ", "lt": "<", "gt": ">", "pm": "±", "in": " ∈ ",
    "cup": "∪", "degree": "°", "circ": "°", "%": "%", "$": "$", "{": "{", "}": "}", "lvert": "|", "rvert": "|",
    "vert": "|",
    "mid": "|", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "to": "→", "rightarrow": "→", "bmod": " mod ",
    "ast": "*", "mathbb": "", "land": ",", "wedge": ",", " ": " ", "_": "_",
    "lor": " or ", "vee": " or ",
}  # fmt: skip
_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "coth",
        "arcsin",
        "arccos",
        "arctan",
        "exp",
        "ln",
        "log",
        "gcd",
        "lcm",
        "min",
        "max",
    ]
)
_GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "chi",
        "psi",
        "omega",
        "Delta",
        "Omega",
        "Phi",
        "varepsilon",
        "varphi",
        "vartheta",
    ]
)
_SCRIPTED = {"sum": "sum", "prod": "product", "int": "integrate", "lim": "limit"}
_PART = re.compile(r"\\([A-Za-z]+\*?|.)|([{}^_])|(\s+)|([^\\{}^_\s])", re.DOTALL)
_WORDS = re.compile(r"\\(?:text|mathrm|textbf|mbox|textit)\s*\{([^{}]*)\}")
_CLAUSE_WORDS = re.compile(r"\b(?:for|where|when|if|with|given|assuming|and|all|integer|real|positive|is|are)\b", re.I)

_CASE_WORDS = re.compile(r"\b(?:for|where|when|if|and|or|otherwise|else)\b", re.I)
_ENVIRONMENT = "An environment of LaTeX other than cases cannot be read here; write one formula."
_CELL_ENDS = frozenset({"&", r"\\", r"\end"})
_IF = re.compile(r"^[\s,]*(?:if|for|when|where)\b|[\s,.]*$")


def condition_of(text: str) -> str:
    """``if x > 0 and y > 0`` → ``all(x > 0, y > 0)``; nothing for ``otherwise``."""
    text = _IF.sub("", text.strip()).strip()
    if text in ("", "otherwise", "else"):
        return ""
    for words, function in ((("or",), "any"), (("and", ","), "all")):
        parts = _split(text, words)
        if len(parts) > 1:
            return f"{function}({', '.join(map(condition_of, parts))})"
    is_bracketed = text.startswith("(") and text.endswith(")") and re.search(r"\b(?:and|or)\b", text)
    return condition_of(text[1:-1]) if is_bracketed else text


def _split(text: str, words: tuple[str, ...]) -> list[str]:
    """At words outside of brackets."""
    parts, depth = [""], 0
    for piece in re.split(r"(\b(?:and|or)\b|[(),])", text):
        depth += (piece == "(") - (piece == ")")
        if piece in words and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def is_latex(text: str) -> bool:
    """Whether it has a LaTeX command or a group."""
    return (
        "\\" in text
        or re.search(r"[\^_]\s*\{", text) is not None
        or (text.strip().startswith("$") and text.strip().endswith("$") and len(text.strip()) > 2)
    )


def plain_text(text: str) -> str:
    r"""``\frac{1}{2}x^{n}`` → ``((1)/(2)) x^(n)``. Raises ``ExpressionError``."""
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"The expression is longer than {MAX_CHARS:,} characters; shorten it.")
    text = text.strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if text.startswith(opening) and text.endswith(closing) and len(text) > 2 * len(opening):
            text = text[len(opening) : -len(closing)]
    is_kept = _CASE_WORDS if r"\begin{cases}" in text.replace(" ", "") else _CLAUSE_WORDS
    text = _WORDS.sub(
        lambda found: f" {found[1]} " if is_kept.search(found[1]) or found[1].strip() == "" else " ", text
    )
    if text.count(r"\left|") == text.count(r"\right|"):  # Which of them open and which close is said.
        text = text.replace(r"\left|", " abs(").replace(r"\right|", ")")
    text = re.sub(r"\\(?:left|right)\.", "", text)
    text = re.sub(r"\\(?:left|right)\s*(?=[|(\[\])]|\\)", "", text)
    return re.sub(r"\s+", " ", _Reader(text).all()).strip()


class _Reader:
    def __init__(self, text: str) -> None:
        self._parts = [match.group() for match in _PART.finditer(text)]
        self._place = 0
        self._n_deep = 0

    def all(self) -> str:
        said = self._until(frozenset())
        if self._place < len(self._parts):
            raise ExpressionError("The LaTeX text has a closing brace without an opening one; correct that.")
        return said

    @property
    def _next(self) -> str:
        return self._parts[self._place] if self._place < len(self._parts) else ""

    def _take(self) -> str:
        part = self._next
        self._place += 1
        return part

    def _skip(self) -> None:
        while self._next.isspace() and self._next:
            self._place += 1

    def _until(self, ends: frozenset[str]) -> str:
        """What stands before one of ``ends``, the end, or a closing brace."""
        self._n_deep += 1
        if self._n_deep > MAX_NESTING:
            raise ExpressionError(f"The LaTeX text is nested more than {MAX_NESTING} deep; split it.")
        said: list[str] = []
        while self._next and self._next != "}" and self._next not in ends:
            said.append(self._one())
        self._n_deep -= 1
        return "".join(said)

    def _group(self) -> str:
        """A braced group without its braces, or one character or command."""
        self._skip()
        if self._next == "{":
            self._take()
            inside = self._until(frozenset())
            if self._take() != "}":
                raise ExpressionError("A brace of the LaTeX text is not closed; close it.")
            return inside
        if not self._next or self._next == "}":
            raise ExpressionError("Something is missing at the end of the LaTeX text; complete it.")
        return self._one()

    def _one(self) -> str:
        part = self._next
        if part == "{":
            inside = self._group()
            return f"({inside})" if re.search(r"[^\w.]", inside.strip()) else f" {inside} "
        part = self._take()
        if part == "^":
            exponent = self._group()
            return "°" if exponent.strip() == "°" else f"^({exponent})"
        if part == "_":
            below = self._group().strip()
            return f"_{below}" if below.isalnum() else f"_({below})"
        if part.startswith("\\"):
            return self._command(part[1:])
        return "" if part == "&" else part

    def _command(self, name: str) -> str:
        match name:
            case "frac" | "dfrac" | "tfrac" | "cfrac":
                return self._fraction()
            case "binom" | "dbinom" | "tbinom":
                return f" binomial({self._group()}, {self._group()}) "
            case "sqrt":
                self._skip()
                if self._next == "[":
                    self._take()
                    degree = self._until(frozenset("]"))
                    self._take()
                    return f" root({self._group()}, {degree}) "
                return f" sqrt({self._group()}) "
            case "boxed" | "fbox":
                return self._group()
            case "text" | "mathrm" | "mbox" | "textbf":
                self._group()
                return " "
            case "log":
                return self._logarithm()
            case "sum" | "prod" | "int" | "lim":
                return self._scripted(name)
            case "pmod":
                raise ExpressionError("A congruence cannot be read; write it with mod, as in 'a mod m = b mod m'.")
            case "begin":
                return self._cases()
            case "cases" | "end":
                raise ExpressionError(_ENVIRONMENT)
        if name in _DROPPED:
            return " "
        if name in _REPLACED:
            return _REPLACED[name]
        if name in _FUNCTIONS:
            return f" {name}" + ("" if self._next == "^" else " ")
        if name in _GREEK:
            return f" {name.removeprefix('var')}" + ("" if self._next == "_" else " ")
        raise ExpressionError(f"The LaTeX command \\{name} is not known; write it in another way.")

    def _cases(self) -> str:
        """``\\begin`` has been read."""
        if self._group().strip() != "cases":
            raise ExpressionError(_ENVIRONMENT)
        parts: list[str] = []
        while True:
            value, condition = self._until(_CELL_ENDS).strip(" ,"), ""
            if self._next == "&":
                self._take()
                condition = condition_of(self._until(_CELL_ENDS))
            parts += [each for each in (value, condition) if each]
            if self._next != r"\\":
                break
            self._take()
        if self._take() != r"\end" or self._group().strip() != "cases":
            raise ExpressionError(_ENVIRONMENT)
        return f" cases({', '.join(parts)}) "

    def _fraction(self) -> str:
        top, bottom = self._group().strip(), self._group().strip()
        if re.fullmatch(r"d(\^\(\d+\))?", top) and bottom.startswith("d"):
            order = re.fullmatch(r"d\^\((\d+)\)", top)
            variable = re.fullmatch(r"d\s*([a-z]+)\s*(?:\^\(\d+\))?", bottom)
            if variable is not None:
                power = f"^{order[1]}" if order else ""
                return f" d{power}/d{variable[1]}{power} "
        return f" (({top})/({bottom})) "

    def _logarithm(self) -> str:
        self._skip()
        if self._next != "_":
            return " log" if self._next == "^" else " log "
        self._take()
        base = self._group()
        return f" log({self._argument()}, {base}) "

    def _argument(self) -> str:
        """Of a function: a bracket or group, else one factor."""
        self._skip()
        if self._next == "(":
            depth, said = 0, []
            while self._next:
                depth += (self._next == "(") - (self._next == ")")
                said.append(self._one())
                if not depth:
                    break
            return "".join(said)
        said = [self._group()]
        while re.fullmatch(r"[\w.]", self._next or " ") or self._next == "^":
            said.append(self._one())
        return "".join(said)

    def _scripted(self, name: str) -> str:
        scripts: dict[str, str] = {}
        while True:
            self._skip()
            if self._next == "\\limits":
                self._take()
            elif self._next in ("_", "^") and self._next not in scripts:
                mark = self._take()
                scripts[mark] = self._group()
            else:
                break
        below, above = scripts.get("_", "").strip(), scripts.get("^", "").strip()
        if name == "int":
            return self._integral(below, above)
        body = self._body()
        if name == "lim":
            found = re.fullmatch(r"\(?\s*(\w+)\s*→\s*(.+?)(?:\^\(\s*([+-])\s*\))?\s*\)?", below)
            if found is None:
                raise ExpressionError("What a limit approaches cannot be read; write \\lim_{x \\to a}.")
            side = f", {found[3]}1" if found[3] else ""
            return f" limit({body}, {found[1]}, {found[2].replace(', +', ', ')}{side.replace('+', '')}) "
        variable, equals, start = below.partition("=")
        if not equals or not above:
            raise ExpressionError("The bounds of a sum cannot be read; write \\sum_{k=1}^{n}.")
        return f" {_SCRIPTED[name]}({body}, {variable.strip()}, {start.strip()}, {above}) "

    def _body(self) -> str:
        """Factors up to a sign, relation or comma outside of brackets."""
        said: list[str] = []
        depth = 0
        while self._next and self._next != "}":
            part = self._next
            if (
                depth == 0
                and said
                and "".join(said).strip()
                and (
                    part in set("+-=<>,)]")
                    or part in ("\\le", "\\leq", "\\ge", "\\geq", "\\ne", "\\neq", "\\quad", "\\lt", "\\gt")
                )
            ):
                break
            depth += (part in ("(", "[", "\\{")) - (part in (")", "]", "\\}"))
            said.append(self._one())
        text = "".join(said)
        return text if text.strip() else "1"

    def _integral(self, below: str, above: str) -> str:
        """Up to ``dx``."""
        said: list[str] = []
        while self._next and self._next != "}":
            if self._next == "d" and self._place + 1 < len(self._parts):
                following = self._parts[self._place + 1 :]
                while following and following[0].isspace():
                    following = following[1:]
                after = following[0] if following else ""
                if re.fullmatch(r"[a-z]", after) or after.lstrip("\\") in _GREEK:
                    self._take()
                    self._skip()
                    variable = self._one().strip()
                    body = "".join(said).strip() or "1"
                    bounds = f", {below}, {above}" if below and above else ""
                    return f" integrate({body}, {variable}{bounds}) "
            said.append(self._one())
        raise ExpressionError("An integral has no variable; end it with dx.")
