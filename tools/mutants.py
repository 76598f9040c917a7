"""Prove the tests of the pure parts: `make mutants`, or `python tools/mutants.py [PART...]`.

A mutant is a part of the product with one small fault: another operator, a constant off by one, a
condition negated, `None` returned, a statement left out. The tests that belong to the part have to
fail for each of them. Those that cannot, as the mutant is the same program or no user could tell,
are in `mutants.toml` with the reason; any other one that is left, and an entry there that no longer
holds, fails this check, and so does a part of which fewer than `WANTED` of the mutants are killed.

Only code in functions counts: the values of limits are choices, and messages are read by people.
Each mutant is tried in a fork that has pytest already, without the fixtures that look for leaks,
and with the same generated examples each time. (mutmut 3 leaves out properties and what is outside
of functions, as the triggers' rules are; cosmic-ray starts an interpreter for each mutant.)
"""

import os
import resource
import signal
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Final, NamedTuple

import hypothesis
import pytest
from faults import Finder, Mutant

ROOT: Final = Path(__file__).resolve().parents[1]
WANTED: Final = 0.95
OPTIONS: Final = (
    "-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "--noconftest", "--timeout=0",
    "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin",
)  # fmt: skip


class Part(NamedTuple):
    """Files below `resnb`, and the tests that belong to them, below `tests`."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


PARTS: Final[Mapping[str, Part]] = {
    "decisions": Part(("ledger/reaper/decisions.py",), ("ledger/reaper/test_decisions.py",)),
}


def begin_tests(part: Part, mutant: Mutant | None, limit: int) -> int:
    """Begin the tests of a part in a process of their own, and give its id."""
    if child := os.fork():
        return child
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    signal.alarm(10 * limit)
    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    if mutant is not None:
        path, code = str(mutant.path), mutant.code()
        plain = SourceFileLoader.get_code
        SourceFileLoader.get_code = lambda self, fullname: (  # type: ignore[method-assign]
            code if self.path == path else plain(self, fullname)  # type: ignore[attr-defined]
        )
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os._exit(pytest.main([*OPTIONS, *(str(ROOT / "tests" / one) for one in part.tests)]))


def left_of(part: Part, found: Sequence[Mutant]) -> Iterator[Mutant]:
    """The mutants with which the tests of the part pass."""
    begun = time.monotonic()
    if os.waitpid(begin_tests(part, None, 600), 0)[1]:
        raise SystemExit(f"the tests of {part.files[0]} fail without any fault")
    limit = 10 + 5 * int(time.monotonic() - begun)
    running: dict[int, Mutant] = {}
    waiting = [*reversed(found)]
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            mutant = waiting.pop()
            running[begin_tests(part, mutant, limit)] = mutant
        child, status = os.wait()
        mutant = running.pop(child)
        if not status:
            yield mutant


def main(names: Sequence[str]) -> int:
    """Try the parts that are named, or all; gives the exit code."""
    listed = tomllib.loads((ROOT / "tools" / "mutants.toml").read_text(encoding="utf-8"))
    is_good = True
    for name in names or PARTS:
        reasons = listed.get(name, {})
        files = (ROOT / "resnb" / file for file in PARTS[name].files)
        found = [mutant for file in files for mutant in Finder(file).mutants()]
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
    sys.exit(main(sys.argv[1:]))
