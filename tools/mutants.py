"""Prove the tests of the pure parts: `make mutants`, or `python tools/mutants.py [PART...]`.

A mutant is a part of the product with one small fault: another operator, a constant off by one, a
condition negated, `None` returned, a statement left out. The tests that belong to the part have to
fail for each of them. Those that cannot, as the mutant is the same program or no user could tell,
are in `mutants.toml` with the reason; any other one that is left, and an entry there that no longer
holds, fails this check, and so does a part of which fewer than `WANTED` of the mutants are killed.

Only code in functions counts: the values of limits are choices, and messages are read by people.
Each mutant is tried in a fork that has collected the tests, without the fixtures that look for
leaks, and with the same generated examples each time. (mutmut 3 leaves out properties and what is
outside of functions, as the triggers' rules are; cosmic-ray starts an interpreter for each one.)
"""

import gc
import os
import resource
import signal
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final, NamedTuple

import hypothesis
import pytest
from faults import Finder, Mutant

ROOT: Final = Path(__file__).resolve().parents[1]
WANTED: Final = 0.95
OPTIONS: Final = (
    "-x", "-q", "-s", "-p", "no:cacheprovider", "--assert=plain", "--noconftest", "--timeout=0",
    "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin",
)  # fmt: skip


class Part(NamedTuple):
    """Files below `resnb`, and the tests that belong to them, below `tests`.

    Of ``file.py:Name``, only what is in `Name`.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]


PARTS: Final[Mapping[str, Part]] = {
    "decisions": Part(("ledger/reaper/decisions.py",), ("ledger/reaper/test_decisions.py",)),
    "triggers": Part(
        ("graph/base/triggers.py", "run/scheduling/trigger_rules.py"),
        ("graph/base/test_triggers.py", "run/scheduling/test_trigger_rules.py"),
    ),
    "scheduler": Part(
        (
            "run/scheduling/scheduler.py",
            "run/scheduling/mapped_rows.py",
            "run/scheduling/waits.py",
            "run/scheduling/given_up.py",
        ),
        ("run/scheduling/test_events.py", "run/scheduling/test_scheduler.py"),
    ),
    "recipes": Part(("syntax/splitting.py",), ("syntax/test_splitting.py",)),
    "staleness": Part(("notebook/cells/freshness.py",), ("notebook/cells/test_freshness.py",)),
    "liveness": Part(("ledger/liveness.py:Liveness",), ("ledger/test_liveness_rules.py",)),
}


def mutants(file: str) -> list[Mutant]:
    """The mutants of a file, or of what is named in it."""
    path, _, name = file.partition(":")
    found = Finder(ROOT / "resnb" / path)
    start = f"{found.path.stem}.{name}"
    return [one for one in found.mutants() if one.name.startswith(start)]


class Trial:
    """A plugin of pytest: once tests are collected, a fork for each mutant runs them.

    Attributes:
        is_fork: whether this process is one.
        left: the mutants with which the tests pass.
    """

    def __init__(self, found: Sequence[Mutant]) -> None:
        self.is_fork = False
        self.left: list[Mutant] = []
        self._waiting: list[Mutant | None] = [*reversed(found)]
        self._running: dict[int, Mutant | None] = {}
        self._seconds = 0.0  # that the tests took of the processor when they ran last

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> bool | None:
        """Try all mutants; None lets pytest run the tests in this process, which is a fork."""
        self._begin(None, 600)
        if not self.is_fork and not self._has_passed():
            raise pytest.UsageError("the tests fail without any fault")
        limit = 3 + int(5 * self._seconds)
        while not self.is_fork and (self._waiting or self._running):
            if self._waiting and len(self._running) < (os.cpu_count() or 1):
                self._begin(self._waiting.pop(), limit)
            else:
                self._has_passed()
        return None if self.is_fork else True

    def _begin(self, mutant: Mutant | None, limit: int) -> None:
        if child := os.fork():
            self._running[child] = mutant
            return
        self.is_fork = True
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        signal.alarm(100 * limit)
        for descriptor in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        if mutant is not None:
            put(mutant)

    def _has_passed(self) -> bool:
        child, status, usage = os.wait3(0)
        self._seconds = usage.ru_utime
        mutant = self._running.pop(child)
        if not status and mutant is not None:
            self.left.append(mutant)
        return not status


def put(mutant: Mutant) -> None:
    """Give all functions of the file the code that they have with the fault."""
    new = {(one.co_qualname, one.co_firstlineno): one for one in codes_in(mutant.code())}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == str(mutant.path):
            code = one.__code__
            with suppress(ValueError):  # it refers to other variables around it
                one.__code__ = new.get((code.co_qualname, code.co_firstlineno), code)


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """All code in `code`."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from codes_in(one)


def left_of(part: Part, found: Sequence[Mutant]) -> list[Mutant]:
    """The mutants with which the tests of the part pass."""
    trial = Trial(found)
    tests = [str(ROOT / "tests" / one) for one in part.tests]
    status = pytest.main([*OPTIONS, *tests], plugins=[trial])
    if trial.is_fork:
        os._exit(status)
    if status:
        raise SystemExit(f"the tests of {part.files[0]} cannot be run")
    return trial.left


def main(names: Sequence[str]) -> int:
    """Try the parts that are named, or all; gives the exit code."""
    if unknown := [name for name in names if name not in PARTS]:
        print(f"no part is called {', '.join(unknown)}; there are: {', '.join(PARTS)}")
        return 2
    listed = tomllib.loads((ROOT / "tools" / "mutants.toml").read_text(encoding="utf-8"))
    is_good = True
    for name in names or PARTS:
        reasons = listed.get(name, {})
        found = [mutant for file in PARTS[name].files for mutant in mutants(file)]
        left = sorted(left_of(PARTS[name], found), key=lambda one: (one.path, one.line, one.name))
        killed = len(found) - len(left)
        share = killed / len(found)
        print(f"{name}: {len(found)} mutants, {killed} killed ({share:.1%}), {len(left)} left")
        for one in left:
            reason = reasons.get(one.name, "not in mutants.toml: mend the tests, or say why")
            print(f"  {one.path.relative_to(ROOT)}:{one.line}\n    {one.name}\n    {reason}")
        survivors = {one.name for one in left}
        for text in sorted(reasons.keys() - survivors):
            print(f"  {text}\n    is in mutants.toml, but was killed or is not there")
        is_good = is_good and survivors == reasons.keys() and share >= WANTED
        sys.stdout.flush()
    return 0 if is_good else 1


if __name__ == "__main__":
    hypothesis.settings.register_profile(
        "mutants", max_examples=50, derandomize=True, deadline=None, database=None
    )
    hypothesis.settings.load_profile("mutants")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.exit(main(sys.argv[1:]))
