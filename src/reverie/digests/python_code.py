"""Python code, read by ``ast``: the call it leads with, and the modules it imports."""

import ast
import warnings

from reverie.digests.commands import Commands

UNPARSED = Commands(names=("python:unparsed",))


def read_python(code: str) -> Commands:
    """Named by the first function called (``python:pd.read_csv``), else ``python:statement``; ``python:unparsed``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return UNPARSED
    calls = [
        node.func for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    ]
    calls.sort(key=lambda function: (function.lineno, function.col_offset))
    names = [name for name in map(_dotted, calls) if name and name != "print"]
    modules = dict.fromkeys(module for node in nodes for module in _modules(node))
    return Commands(
        names=(f"python:{names[0] if names else 'statement'}",),
        features=tuple(f"python {module}" for module in modules),
    )


def _dotted(function: ast.expr) -> str | None:
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return None


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module.split(".")[0]]
    return []
