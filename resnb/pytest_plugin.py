"""The pytest plugin: a test session passes only if the resources that it opened are gone.

Tests, and notebooks under nbval, start kernels that end by ``kill -9``; their reapers clean up a
little later. At its end the session waits for that, and fails if something is left. An
environment variable names the session to its kernels, so other people's leases do not count; nor
does what is kept on purpose. Without a ledger this only checks whether one file exists.

It works with pytest 7.2 and newer.
"""

import os
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resnb.ledger.admin.commands import LedgerCommands
    from resnb.ledger.admin.listing import ListedLease

SESSION = "RESNB_SESSION"
"""The environment variable that holds the session's id."""
_NAME = "resnb-leases"
_HELP = (
    "how long a session waits at its end for the resources of its ended kernels to be cleaned "
    "up, before it fails, such as 90s"
)
_MOST = 3
"""How many items a line names at most."""


class ItemTimes:
    """Which test items ran when, by the clock that dates leases, too."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float, str]] = []

    def add(self, begin: float, end: float, item: str) -> None:
        """`item`, or a phase of it, ran from `begin` to `end`."""
        self._spans.append((begin, end, item))

    def at(self, moment: float) -> str:
        """What ran at `moment`, or last before it; several if tests run side by side."""
        found = dict.fromkeys(item for begin, end, item in self._spans if begin <= moment <= end)
        if found:
            more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
            return "during " + ", ".join(list(found)[:_MOST]) + more
        before = [(end, item) for _, end, item in self._spans if end < moment]
        return f"after {max(before)[1]}" if before else "before the first test"


class SessionLeases:
    """Waits at a session's end for the leases that it opened.

    Args:
        session: the session's id.
        timeout: how long to wait, in seconds.
    """

    def __init__(self, session: str, timeout: float) -> None:
        self._session = session
        self._timeout = timeout
        self._items = ItemTimes()
        self._left: list[ListedLease] = []
        self._kept: list[ListedLease] = []
        self._looked_for: list[ListedLease] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist, which may run on another machine, the session's id."""
        node.workerinput[SESSION] = self._session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember when an item ran."""
        stop = getattr(report, "stop", None) or time.time()  # reports have no times before 7.3
        start = getattr(report, "start", None) or stop - report.duration
        self._items.add(start, stop, report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Wait for what ended kernels left, and fail the session if something stays."""
        from resnb.ledger.store.home import ledger_home, may_hold_leases

        if exitstatus == pytest.ExitCode.INTERRUPTED:
            self._timeout = 0.0  # whoever pressed Ctrl-C waits for nothing
        home = ledger_home()
        if not may_hold_leases(home):
            return
        from resnb.errors import LedgerError
        from resnb.ledger.admin.commands import LedgerCommands

        try:
            self._look(LedgerCommands(home), session)
        except LedgerError as error:
            _say(session.config, f"resnb: {error}")
            _fail(session)

    def _look(self, commands: "LedgerCommands", session: pytest.Session) -> None:
        self._left = commands.wait(0.0, self._session)
        count = sum(not one.is_given_up for one in self._left)
        if count and self._timeout:
            _say(
                session.config,
                f"resnb: waiting up to {self._timeout:g} s for the clean-up of {count} "
                f"resource{'s' * (count != 1)} of ended kernels",
            )
            try:
                self._left = commands.wait(self._timeout, self._session)
            except KeyboardInterrupt:  # then what is left is reported at once
                self._left = commands.wait(0.0, self._session)
        found = [one for one in commands.leases() if one.record.session == self._session]
        self._kept = [one for one in found if one.is_kept]
        self._looked_for = [one for one in self._left if one.is_looking]
        self._left = [one for one in self._left if not one.is_looking]
        if self._left:
            _fail(session)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Name what is left."""
        if self._left:
            terminalreporter.section("resources left behind", red=True, bold=True)
            for line in report_lines(self._left, self._items):
                terminalreporter.line(line)
        for one in self._looked_for:
            terminalreporter.line(
                f"resnb: what the set-up of {one.name} may still make is looked for a while longer"
            )
        for one in self._kept:
            terminalreporter.line(f"resnb: {one.name} is kept for a while, as it was asked for")


def report_lines(left: "Iterable[ListedLease]", items: ItemTimes) -> list[str]:
    """A line for each remaining lease, with its origin, state and reason."""
    lines = []
    for one in left:
        remark = f": {one.remark}" if one.remark else ""
        origin = f"opened by {one.notebook} {items.at(one.record.created)}"
        lines.append(f"{one.name}, {origin}, {one.state}{remark}")
    return [*lines, "what was tried: resnb log NAME; once removed by hand: resnb forget NAME"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and its ini form."""
    group = parser.getgroup("resnb")
    group.addoption("--resnb-wait", metavar="DURATION", help=f"{_HELP} (default: the ini value)")
    parser.addini("resnb_wait", _HELP, default="60s")


def pytest_configure(config: pytest.Config) -> None:
    """Give the session its id; a worker of xdist shares its controller's."""
    from resnb.durations import seconds
    from resnb.errors import OptionError

    worker = getattr(config, "workerinput", None)
    if worker is not None:
        os.environ.setdefault(SESSION, worker.get(SESSION, ""))
        return
    chosen = config.getoption("--resnb-wait") or config.getini("resnb_wait")
    try:
        timeout = seconds(chosen, "resnb_wait")
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None
    before = os.environ.get(SESSION)
    os.environ[SESSION] = session = f"{int(time.time())}-{uuid.uuid4().hex[:12]}"
    config.add_cleanup(lambda: _restore(before))
    config.pluginmanager.register(SessionLeases(session, timeout or 0.0), _NAME)


def _restore(before: str | None) -> None:
    """Restore the id of an outer session; pytester runs sessions inside sessions."""
    if before is None:
        os.environ.pop(SESSION, None)
    else:
        os.environ[SESSION] = before


def _fail(session: pytest.Session) -> None:
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _say(config: pytest.Config, line: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.line("")  # a test's output may have left a line open
        reporter.line(line)


__all__ = ["SESSION", "ItemTimes", "SessionLeases", "report_lines"]
