"""Write the TypeScript half of each wire format from its Python half.

    python tools/wire.py

So a field, a state or a kind that is renamed on one side breaks the build or a test of the other.
For words that Python and TypeScript both make (durations, counts, labels, typed values), it writes
examples for the TypeScript tests to compare.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from inspect import cleandoc, getsource
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints, is_typeddict

from resnb import Flow, Parameter, states
from resnb.server import wire as server
from resnb.view import protection, wording
from resnb.view.aggregate import FAILURES
from resnb.view.live.parameter_form import checked, form
from resnb.view.names import shown
from resnb.view.palette import LEASE, TASK, Look
from resnb.view.snapshot import NOT_YET
from resnb.view.timeline.chart import bar_label
from resnb.view.timeline.scale import duration_text
from resnb.view.wire import commands, frames, graph, inspector, kinds, timeline
from resnb.wire import TAGS, OneOf, bare, choices, parts

LABEXTENSION = Path(__file__).resolve().parents[1] / "labextension"
HEAD: Final = "// Made by tools/wire.py from {}: change that, and run `make wire`.\n"
CHECKS: Final = (
    "flag", "list", "nullable", "number", "oneOf", "optional", "record", "table", "text", "tuple",
    "union",
)  # fmt: skip
PLAIN: Final = {str: "text", int: "number", float: "number", bool: "flag", NoneType: "oneOf(null)"}


class Format:
    """The checks of some modules' types, from which TypeScript infers the types."""

    def __init__(self, *modules: ModuleType) -> None:
        self._modules = modules
        self._names: dict[str, Any] = {}
        for module in modules:
            for name, kind in vars(module).items():
                if _is_message(kind):
                    self._names.setdefault(name, kind)
        self._done: dict[str, str] = {}

    def written(self) -> str:
        """The TypeScript module."""
        for name in self._names:
            self._define(name)
        body = "\n".join(self._done.values())
        code = re.sub(r"/\*\*.*?\*/|//.*?$", "", body, flags=re.DOTALL | re.MULTILINE)
        used = [one for one in CHECKS if re.search(rf"(?<!export const )\b{one}\b(?!:)", code)]
        sources = ", ".join(module.__name__ for module in self._modules)
        imports = f'import {{ {", ".join(used)}, type Of }} from "./check";\n'
        return f"{HEAD.format(sources)}{imports}\n{body}"

    def _define(self, name: str) -> None:
        """A check, behind those of which it is made."""
        if name not in self._done:
            kind = self._names[name]
            check = self._check(kind)
            about = _comment(kind) if isinstance(kind, type) else ""
            self._done[name] = (
                f"{about}export const {name} = {check};\nexport type {name} = Of<typeof {name}>;\n"
            )

    def _named(self, kind: Any) -> str:
        name = next((name for name, one in self._names.items() if one == kind), None)
        if name is None:
            return self._check(kind)
        self._define(name)
        return name

    def _check(self, kind: Any) -> str:
        if allowed := choices(kind):
            return f"oneOf({', '.join(json.dumps(one) for one in allowed)})"
        if kind in PLAIN:
            return PLAIN[kind]
        origin, args = get_origin(kind), get_args(kind)
        if is_typeddict(kind):
            return f"record({{\n{''.join(self._fields(kind))}}})"
        if origin in (Union, UnionType):
            return self._union(args)
        if (items := parts(kind)) is not None:
            return f"tuple({', '.join(map(self._named, items))})"
        name = "table" if origin is dict else "list"
        return f"{name}({self._named(args[-1] if origin is dict else args[0])})"

    def _fields(self, kind: Any) -> Iterator[str]:
        comments = dict(re.findall(r"^    (\w+): .*?(  # .*)$", getsource(kind), re.MULTILINE))
        for name, field in get_type_hints(kind, include_extras=True).items():
            check = self._named(bare(field))
            if name not in kind.__required_keys__:
                check = f"optional({check})"
            yield f"  {name}: {check},{comments.get(name, '').replace('  # ', ' // ')}\n"

    def _union(self, variants: tuple[Any, ...]) -> str:
        some = [one for one in variants if one is not NoneType]
        checks = list(dict.fromkeys(map(self._named, some)))
        tags = [tag for tag in TAGS if tag in getattr(some[0], "__annotations__", ())]
        inside = ", ".join([json.dumps("".join(tags)), *checks])
        check = checks[0] if len(checks) == 1 else f"union({inside})"
        return check if len(some) == len(variants) else f"nullable({check})"


def _is_message(kind: Any) -> bool:
    if kind is OneOf:
        return False
    is_union = get_origin(kind) in (Union, UnionType)
    is_tuple = get_origin(kind) is tuple or hasattr(kind, "_fields")
    return is_typeddict(kind) or is_union or is_tuple or bool(choices(kind))


def _comment(kind: type) -> str:
    lines = cleandoc(kind.__doc__ or "").splitlines()
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    return "".join(["/**\n", *(f" * {line}".rstrip() + "\n" for line in lines), " */\n"])


def vocabulary() -> str:
    """States: their codes, and what they are called and marked with."""
    codes = {name: getattr(states, name) for name in vars(states) if name.isupper()}
    lines = [
        HEAD.format("resnb.states, resnb.view.palette and others"),
        'import type { LeaseState, StateCode } from "./frames";\n\n',
        "export interface Look {\n  readonly word: string;\n  readonly mark: string;\n}\n\n",
        *(f"export const {name} = {code};\n" for name, code in codes.items() if type(code) is int),
        f"export const NOT_YET = {json.dumps(NOT_YET)};\n",
        f"export const UNPROTECTED = {json.dumps(protection.UNPROTECTED)};\n",
        f"export const MODEL_PREFIX = {json.dumps(kinds.MODEL_PREFIX)};\n",
        f"export const OUTPUT_PREFIX = {json.dumps(kinds.OUTPUT_PREFIX)};\n",
        f"export const COMMAND_MESSAGE = {json.dumps(kinds.COMMAND_MESSAGE)};\n",
    ]
    for name, known in (("FAILURES", FAILURES), ("DONE", wording.DONE)):
        lines.append(f"export const {name}: ReadonlySet<StateCode> = new Set({sorted(known)});\n")
    tables: tuple[tuple[str, str, Mapping[Any, Look]], ...] = (
        ("TASK", "StateCode", TASK),
        ("LEASE", "LeaseState", LEASE),
    )
    for name, kind, looks in tables:
        lines.append(f"\nexport const {name}: Readonly<Record<{kind}, Look>> = {{\n")
        for key, look in looks.items():
            one = f"{{ word: {json.dumps(look.word)}, mark: {_text(look.mark)} }}"
            lines.append(f"  {json.dumps(key)}: {one},\n")
        lines.append("};\n")
    return "".join(lines)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def examples() -> str:
    """What both sides are to say of the same values."""
    counts: list[list[tuple[int, int]]] = [
        [],
        [(states.SUCCESS, 1200)],
        [(states.PENDING, 2), (states.SUCCESS, 8)],
        [(states.SUCCESS, 8), (states.FAILED, 2)],
        [(states.PENDING, 61), (states.MAPPED, 3), (states.CACHED, 35), (states.FAILED, 1)],
    ]
    bars = [("load", -1, 1), ("square", 0, 1), ("square", -1, 1180), ("", -1, 1), ("", -1, 2000)]
    seconds = (0, 0.0004, 0.38, 0.9994, 0.9996, 9.994, 12.44, 59.94, 59.97, 125, 3599.6, 90061)
    labels = ("worker 1", "x" * 24, "tcp://192.168.100.200:43210/with/more", "y" * 61)
    found: dict[str, list[Any]] = {
        "durations": [(one, duration_text(one)) for one in seconds],
        "tallies": [(one, "".join(wording.tally(tuple(one))[:1])) for one in counts],
        "bars": [(*one, bar_label(*one)) for one in bars],
        "labels": [(24, one, shown(one, 24)) for one in labels],
        "values": list(_typed()),
    }
    rows = [
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"    {_text(one)}" for one in cases) + "\n  ]"
        for name, cases in found.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _typed() -> Iterator[tuple[Any, str, Any]]:
    """Fields of a form, what is typed into them, and the value that the kernel then takes."""
    for default, text, value in (
        (3, " 12 ", 12),
        (3, "-3", -3),
        (0.5, "1e3", 1000),
        (True, "false", False),
        ("a", " 12 ", " 12 "),
        (None, "", None),
        (None, "12", 12),
        (None, "True", True),
        (None, "twelve", "twelve"),
        ([1, 2], "[3]", "[3]"),
        ({"a": 1}, ' {"b": null} ', '{"b": null}'),
        (date(2026, 1, 31), "2026-02-28", "2026-02-28"),
        (datetime(2026, 1, 31, 8, tzinfo=UTC), "2026-02-28T09:30+00:00", "2026-02-28T09:30+00:00"),
    ):
        with Flow("form") as flow:
            flow.add_task(Parameter("n", default=default))
        [field] = form(flow)["fields"]
        checked(flow, {"n": value})
        yield field, text, value


def files() -> dict[Path, str]:
    """The files and what is in them."""
    wire = LABEXTENSION / "src" / "wire"
    return {
        wire / "frames.ts": Format(kinds, graph, inspector, timeline, frames).written(),
        wire / "commands.ts": Format(commands).written(),
        wire / "server.ts": Format(server).written(),
        wire / "vocabulary.ts": vocabulary(),
        LABEXTENSION / "test" / "examples.json": examples(),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
