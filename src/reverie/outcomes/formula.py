"""The grader that computes: a formula over a session's facts, such as ``1 if errors == 0 else 0.5``.

A formula is an expression in Python's own grammar (``ast``), of which only arithmetic on numbers is evaluated: names of
facts, numbers, ``+ - * / ** %``, comparisons, ``and``, ``or``, ``not``, ``… if … else …`` and a few functions.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from reverie.errors import InputError, MetricError
from reverie.outcomes.grader import Grade, GradedSession
from reverie.outcomes.session_facts import SessionFacts

LONGEST_FORMULA = 500
"""Characters; that also bounds how deep one can be nested."""

_OPERATIONS: Mapping[type[ast.AST], Callable[..., Any]] = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv},
    **{ast.Pow: operator.pow, ast.Mod: operator.mod, ast.USub: operator.neg, ast.UAdd: operator.pos},
    **{ast.Not: operator.not_, ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt},
    **{ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge},
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{"min": min, "max": max, "abs": abs, "sqrt": math.sqrt, "log": math.log, "exp": math.exp},
}
_FACTS = SessionFacts.__struct_fields__


def grade_by_formula(session: GradedSession, params: Mapping[str, Any], /) -> Grade:
    """The value of ``params["formula"]``: a score, or where ``params["metric"]`` names one, that metric's value.

    Raises:
        InputError: the formula cannot be evaluated whatever the session, or a parameter is unknown.
        MetricError: of this session it has no value, or no score between 0 and 1.
    """
    odd = sorted(params.keys() - {"formula", "metric"})
    if odd:
        raise InputError(f"the formula grader takes formula and metric, not {odd[0]!r}")
    formula, metric = params.get("formula"), params.get("metric")
    if not isinstance(formula, str) or not (metric is None or (isinstance(metric, str) and metric)):
        raise InputError("the formula grader needs formula, a text, and may be given metric, a name")
    value = evaluate(formula, session.facts)
    explanation = f"{formula} = {value:g}"
    return Grade(score=value, explanation=explanation) if metric is None else Grade(None, {metric: value}, explanation)


def evaluate(formula: str, facts: SessionFacts) -> float:
    """The finite number that ``formula`` gives for ``facts``.

    Raises:
        InputError: it is not a formula; says which part.
        MetricError: a fact that it needs is not known of the session, or it has no finite value there.
    """
    tree = _parsed(formula)
    known = {name: value for name, value in msgspec.structs.asdict(facts).items() if value is not None}
    try:
        value = _value(tree, {name: float(value) for name, value in known.items()})
    except (ArithmeticError, ValueError) as error:
        raise MetricError(f"the formula {formula!r} has no value here: {error.args[-1]}") from error
    if isinstance(value, complex) or not math.isfinite(value):
        raise MetricError(f"the formula {formula!r} gives {value}, which is not a finite number")
    return float(value)


def _parsed(formula: str) -> ast.expr:
    if len(formula) > LONGEST_FORMULA:
        raise InputError(f"the formula has {len(formula)} characters; at most {LONGEST_FORMULA} are read")
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"the formula {formula!r} cannot be read: {error}") from error
    for node in ast.walk(tree):
        if fault := _fault(node):
            raise InputError(
                f"the formula {formula!r} {fault}; it may have numbers, {', '.join(_FACTS)}, arithmetic, comparisons, "
                f"and, or, not, if-else, {', '.join(_FUNCTIONS)}"
            )
    return tree


def _fault(node: ast.AST) -> str | None:
    """Why this part of a formula is refused, if it is."""
    if isinstance(node, ast.Name):
        return None if node.id in _FACTS or node.id in _FUNCTIONS else f"names {node.id!r}"
    if isinstance(node, ast.Constant):
        return None if type(node.value) in (int, float) else f"holds {node.value!r}"
    if isinstance(node, ast.Call):
        named = isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        plain = bool(node.args) and not node.keywords and not any(isinstance(part, ast.Starred) for part in node.args)
        return None if named and plain else "calls what is no function of formulas"
    allowed = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.And, ast.Or, ast.Load, *_OPERATIONS)
    return None if isinstance(node, allowed) else f"has {type(node).__name__}"


def _value(node: ast.expr, facts: Mapping[str, float]) -> Any:
    """The value of a checked part."""
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]  # numbers alone were let through
    if isinstance(node, ast.Name):
        return _fact(node.id, facts)
    if isinstance(node, ast.BinOp):
        return _number(_OPERATIONS[type(node.op)](_value(node.left, facts), _value(node.right, facts)))
    if isinstance(node, ast.UnaryOp):
        return _OPERATIONS[type(node.op)](_value(node.operand, facts))
    if isinstance(node, ast.IfExp):
        return _value(node.body if _value(node.test, facts) else node.orelse, facts)
    if isinstance(node, ast.BoolOp):
        wanted = isinstance(node.op, ast.Or)
        return (
            any(_value(part, facts) for part in node.values)
            if wanted
            else all(_value(part, facts) for part in node.values)
        )
    if isinstance(node, ast.Compare):
        values = [_value(part, facts) for part in (node.left, *node.comparators)]
        return all(_OPERATIONS[type(op)](*pair) for op, pair in zip(node.ops, pairwise(values), strict=True))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        arguments = [_value(part, facts) for part in node.args]
        return _called(node.func.id, arguments)
    raise InputError(f"a formula cannot have {type(node).__name__}")


def _number(value: Any) -> float:
    if isinstance(value, complex):
        raise ValueError("a root of a number below 0")
    return float(value)


def _called(name: str, arguments: list[float]) -> float:
    if name in ("min", "max"):
        return float(min(arguments) if name == "min" else max(arguments))
    try:
        return float(_FUNCTIONS[name](*arguments))
    except TypeError as error:
        raise InputError(f"the formula gives {name} {len(arguments)} numbers: {error}") from error


def _fact(name: str, facts: Mapping[str, float]) -> float:
    if name in _FUNCTIONS:
        raise InputError(f"the formula names the function {name} without calling it")
    if name not in facts:
        raise MetricError(f"{name} is not known of this session, and the formula needs it")
    return facts[name]
