"""The functions that an expression may call, by the names that people and languages give them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ONE = (1, 1)
_TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc")
_HYPERBOLIC = ("sinh", "cosh", "tanh", "coth", "sech", "csch")

FUNCTIONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **dict.fromkeys((*_TRIGONOMETRIC, *_HYPERBOLIC), _ONE),
        **dict.fromkeys((f"a{name}" for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)), _ONE),
        **dict.fromkeys(("exp", "ln", "sqrt", "cbrt", "abs", "floor", "ceil", "sign", "factorial"), _ONE),
        "atan2": (2, 2),
        "log": (1, 2),
        "root": (2, 2),
        "binomial": (2, 2),
        "mod": (2, 2),
        "base": (2, 2),
        "gcd": (2, 8),
        "lcm": (2, 8),
        "min": (2, 8),
        "max": (2, 8),
        "sum": (4, 4),
        "product": (4, 4),
        "integrate": (2, 4),
        "diff": (2, 3),
        "limit": (3, 4),
        "cases": (2, 40),
        "all": (2, 8),
        "any": (2, 8),
    }
)
"""Name → fewest and most arguments. ``log`` of one argument is the natural logarithm, as in Python and in SymPy.
``root(x, n)`` and ``cbrt`` are real roots. ``base(1011, 2)`` reads digits. ``sum(f, k, a, b)``, ``product`` and
``integrate(f, x, a, b)`` run from a to b; ``diff(f, x, n)``; the fourth argument of ``limit`` is 1 from above,
-1 from below. ``cases(a, x < 0, b, x < 1, c)`` is a if x < 0, else b if x < 1, else c; without the c it has no value
there. Its conditions are relations, or ``all`` and ``any`` of some."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        **{f"arc{name}": f"a{name}" for name in _TRIGONOMETRIC},
        **{f"ar{name}": f"a{name}" for name in _HYPERBOLIC},
        **{f"arc{name}": f"a{name}" for name in _HYPERBOLIC},
        "tg": "tan",
        "ctg": "cot",
        "cosec": "csc",
        "Abs": "abs",
        "fabs": "abs",
        "ceiling": "ceil",
        "sgn": "sign",
        "choose": "binomial",
        "comb": "binomial",
        "C": "binomial",
        "nCr": "binomial",
        "Sum": "sum",
        "Product": "product",
        "prod": "product",
        "Integral": "integrate",
        "integral": "integrate",
        "int": "integrate",
        "Derivative": "diff",
        "derivative": "diff",
        "Limit": "limit",
        "lim": "limit",
        "Min": "min",
        "Max": "max",
        "Mod": "mod",
    }
)

PREFIX_FUNCTIONS = frozenset(
    (
        *_TRIGONOMETRIC,
        *_HYPERBOLIC,
        *(f"a{name}" for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)),
        "exp",
        "ln",
        "log",
        "sqrt",
    )
)
"""May stand before an argument without brackets: ``sin x``, ``ln 2``."""

INVERSES: Mapping[str, str] = MappingProxyType({name: f"a{name}" for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)})
"""What ``sin^-1`` means."""

CONSTANTS = frozenset({"pi", "e", "i", "I", "oo"})
"""Names that mean a number unless they are bound or declared."""

GREEK: Mapping[str, str] = MappingProxyType(
    {
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
        "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
        "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Δ": "Delta", "Ω": "Omega", "Φ": "Phi",
    }
)  # fmt: skip


def function_named(name: str) -> str | None:
    """The canonical name of a function, or None."""
    if name in FUNCTIONS:
        return name
    return ALIASES.get(name)
