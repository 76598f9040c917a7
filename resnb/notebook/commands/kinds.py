"""``%resources kinds``: the resources that are registered by name, and the help of one."""

import inspect
from importlib.util import find_spec
from typing import Any

from resnb.errors import LedgerError, MagicError, harmless, nearest
from resnb.ledger.recipes import kinds


def show_kinds(name: str | None) -> None:
    """Print what is registered by name, or the help of one."""
    if name is None:
        _list()
    else:
        _show(name)


def parameters_of(manager: Any) -> list[inspect.Parameter]:
    """The arguments of a resource, without annotations; empty if they cannot be told."""
    if manager is None:
        return []
    made = getattr(manager, "definition", manager)
    try:
        found = inspect.signature(made).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.replace(annotation=one.empty) for one in found]


def made_by(kind: kinds.Kind) -> Any:
    """What notebooks use by the kind's name."""
    return kind.manager or kind.make


def remedy_of(kind: kinds.Kind) -> str:
    """What to type before the kind can be used; empty if its library is there."""
    is_there = not kind.module or find_spec(kind.module.partition(".")[0]) is not None
    return "" if is_there else f"pip install '{kind.install}'"


def _list() -> None:
    rows: list[tuple[str, str]] = []
    for name in kinds.names():
        try:
            kind = kinds.find(name)
        except LedgerError as error:
            rows.append((name, str(error)))
            continue
        if kind is not None:
            remedy = remedy_of(kind)
            needs = f"(first: {remedy})" if remedy else ""
            said = _document(kind).partition("\n")[0]
            rows.append((_call(kind), " ".join(filter(None, [said, needs]))))
    if not rows:
        print("no resources are registered")  # noqa: T201
        return
    for call, text in rows:  # below each other: most calls take half a line
        print(f"{call}\n    {text}" if text else call)  # noqa: T201


def _show(name: str) -> None:
    try:
        kind = kinds.find(name)
    except LedgerError as error:
        raise MagicError(str(error)) from None
    if kind is None:
        near = nearest(name, kinds.names())
        hint = f"did you mean {near}?" if near else f"there is {', '.join(kinds.names())}"
        raise MagicError(f"%resources kinds: {harmless(name)!r} is not registered; {hint}")
    lines = [_call(kind), _paragraph(kind), ""]
    helps = _helps(kind)
    names = [str(one) for one in parameters_of(made_by(kind))]
    width = max(map(len, names), default=0)
    for one, parameter in zip(names, parameters_of(made_by(kind)), strict=True):
        lines.append(f"  {one.ljust(width)}  {helps.get(parameter.name, '')}".rstrip())
    if kind.install:
        state = "which is missing" if remedy_of(kind) else "which is there"
        lines += ["", f"needs: pip install '{kind.install}', {state}"]
    print("\n".join(lines))  # noqa: T201


def _call(kind: kinds.Kind) -> str:
    shown = ", ".join(str(one) for one in parameters_of(made_by(kind)))
    return f"{kind.name}({shown})"


def _document(kind: kinds.Kind) -> str:
    made = made_by(kind)
    return inspect.cleandoc(getattr(made, "definition", made).__doc__ or "")


def _paragraph(kind: kinds.Kind) -> str:
    """The first paragraph of its docstring, in one line."""
    return " ".join(_document(kind).partition("\n\n")[0].split())


def _helps(kind: kinds.Kind) -> dict[str, str]:
    """What its docstring says of each argument, in one line."""
    _, _, rest = _document(kind).partition("\nArgs:\n")
    found: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if not line.startswith("    "):
            break
        text = line.strip()
        if line.startswith("     "):
            found[name] = f"{found.get(name, '')} {text}".strip()
        else:
            name, _, said = text.partition(":")
            name = name.lstrip("*")
            found[name] = said.strip()
    return found
