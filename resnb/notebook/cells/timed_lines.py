"""``%time`` in what becomes a function: what it times binds and reads the function's own names.

IPython's magic runs its line in the notebook's namespace, where a step's and a resource's variables
are not.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import TypeVar

from resnb.view.timeline.scale import duration_text

_CALL = "get_ipython().run_line_magic('time', "
_HERE = f"__import__({__name__!r}, fromlist=['timed'])"
_FUNCTIONS_OWN = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
T = TypeVar("T")


def with_timed_lines(text: str) -> str:
    """`text`, which IPython has translated, with each ``%time`` of a plain statement rewritten."""
    if _CALL not in text:
        return text
    try:
        tree = ast.parse(text)
    except SyntaxError:  # it is said where the text is compiled
        return text
    lines = text.split("\n")  # as Python counts them
    for node in ast.walk(tree):
        timed = _timed(node)
        if timed and isinstance(node, ast.Expr) and node.lineno == node.end_lineno:
            line = lines[node.lineno - 1].encode()  # offsets count bytes
            before, after = line[: node.col_offset], line[node.end_col_offset :]
            if not before.strip():
                lines[node.lineno - 1] = f"{before.decode()}{timed}{after.decode()}"
    return "\n".join(lines)


def _timed(node: ast.AST) -> str:
    """What stands for a call of the magic; empty if `node` is none, or one to leave as it is."""
    match node:
        case ast.Expr(
            ast.Call(
                ast.Attribute(ast.Call(ast.Name("get_ipython")), "run_line_magic"),
                [ast.Constant("time"), ast.Constant(str(line))],
            )
        ):
            pass
        case _:
            return ""
    try:
        body = ast.parse(line).body
    except SyntaxError:
        return ""
    plain = "; ".join(map(ast.unparse, body))  # without its comment
    if not plain or "\n" in plain:  # such as a loop, which needs lines of its own
        return ""
    is_value = len(body) == 1 and isinstance(body[0], ast.Expr)
    if is_value and not any(isinstance(one, _FUNCTIONS_OWN) for one in ast.walk(body[0])):
        return f"{_HERE}.timed_value(lambda: {plain})"
    return f"with {_HERE}.timed(): {plain}"


@contextmanager
def timed() -> Iterator[None]:
    """Print what the block takes, as ``%time`` does."""
    wall, cpu = perf_counter(), process_time()
    try:
        yield
    finally:
        times = duration_text(process_time() - cpu), duration_text(perf_counter() - wall)
        print("CPU time: {}\nWall time: {}".format(*times))  # noqa: T201


def timed_value(function: Callable[[], T]) -> T:
    """What `function` returns; prints what that takes."""
    with timed():
        return function()
