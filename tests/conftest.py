"""What holds for every test: it leaves no thread, no process and no open file behind.

A leak is looked for after each test, once whatever the test's own fixtures opened is closed, and
given `leak_grace` seconds to end. Fixtures of a wider scope may own such things: they come into
being before the look at the start. A process that detached itself from its parent is found at the
end of the session by a variable that it inherited.
"""

import gc
import signal
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.ledger.store.postgres import Server

KEPT_THREADS = (
    "resnb-loop",  # one per kernel, for the coroutines of all flows
    "resnb-keeper",  # one per kernel, for the leases
    "resnb-reaper-client",  # likewise
    "resnb-sweep",  # a moment after %load_ext
    "Dask-Offload",  # pools that distributed makes once per process
    "Dask-Callback-Thread",
)
KEPT_PROCESSES = (
    "multiprocessing.resource_tracker",  # one per interpreter, ends with it
    "reaper/reaper.py",  # one per process that holds leases, ends after it; see `own_ledger`
    "--type=utility",  # Chromium's, which begins such helpers when it likes
    "--type=gpu-process",  # likewise, one for each browser
    "reaper/sweeper.py",  # a moment after %load_ext, if something was left
)
LEDGER_GRACE = 60.0
"""Seconds that the reapers of a session have to clean up what its tests have left to them."""
SESSION_MARK = "RESNB_TEST_SESSION"

settings.register_profile(
    "resnb",
    deadline=None,
    print_blob=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],  # which a busy machine is
)
settings.register_profile("long", settings.get_profile("resnb"), max_examples=2_000)
settings.load_profile("resnb")


@pytest.hookimpl(tryfirst=True)  # before those are left out that are marked `long`
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Of a test that is marked as a sample, let so many variants run always, evenly spread."""
    variants: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sample") is not None:
            variants[item.nodeid.partition("[")[0]].append(item)
    for found in variants.values():
        mark = found[0].get_closest_marker("sample")
        count = mark.args[0] if mark is not None else 0
        for place, item in enumerate(found):
            if place and place * count // len(found) == (place - 1) * count // len(found):
                item.add_marker("long")


class Alive(NamedTuple):
    """The threads, processes and files that this process has at one moment."""

    threads: frozenset[threading.Thread]
    children: frozenset[psutil.Process]
    files: frozenset[str]

    @classmethod
    def now(cls) -> Self:
        this = psutil.Process()
        return cls(
            running_threads(),
            frozenset(p for p in this.children(recursive=True) if not is_kept(p)),
            frozenset(file.path for file in this.open_files()),
        )

    def since(self, before: "Alive", grace: float) -> list[str]:
        """What is here and was not `before`, and does not end within `grace` seconds."""
        deadline, never = time.monotonic() + grace, threading.Event()
        left, files = self, self.files - before.files
        while (
            left.threads - before.threads
            or left.children - before.children  # one that just forked shows what it is later
            or (files := files & left.files)  # a thread that outlives tests may just read a file
        ):
            if time.monotonic() > deadline:
                break
            gc.collect()
            never.wait(0.01)
            left = Alive.now()
        files &= left.files
        return [
            *sorted(f"thread {thread.name}" for thread in left.threads - before.threads),
            *sorted(f"process {described(p)}" for p in left.children - before.children),
            *sorted(f"open file {path}" for path in files),
        ]


def running_threads() -> frozenset[threading.Thread]:
    return frozenset(t for t in threading.enumerate() if not t.name.startswith(KEPT_THREADS))


def is_kept(process: psutil.Process) -> bool:
    return any(kept in described(process) for kept in KEPT_PROCESSES)


def described(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid}"


@pytest.fixture(autouse=True, scope="session")
def own_ipython_profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's IPython start-up files and history out of the tests' kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        yield


@pytest.fixture(autouse=True, scope="session")
def default_signals() -> None:
    """Signals mean to tests and their processes what they mean to a kernel, under nohup too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def own_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A ledger for this session, in which nothing is left but what failed to be cleaned up."""
    home = tmp_path_factory.mktemp("ledger")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESNB_HOME", str(home))
        yield
    from resnb.ledger.store.store import Store

    never, deadline = threading.Event(), time.monotonic() + LEDGER_GRACE
    store = Store(home)
    while left := [one for one in store.alive() if one.state != "failed"]:
        if time.monotonic() > deadline:
            break
        never.wait(0.1)
    end_reapers(home)
    if left:
        names = "; ".join(f"{one.name} ({one.state}: {one.reason})" for one in left)
        pytest.fail(f"leases of this session are still alive: {names}", pytrace=False)


@pytest.fixture
def ledger_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ledger for one test, in which leases may be left; processes that it starts write there."""
    home = tmp_path / "ledger"
    monkeypatch.setenv("RESNB_HOME", str(home))
    yield home
    end_reapers(home)


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Server]":
    """A PostgreSQL; each test empties it."""
    from tests.ledger.store.postgres import Server

    server = Server(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def server(running_server: "Server") -> "Server":
    """A PostgreSQL without leases."""
    running_server.empty()
    return running_server


@pytest.fixture
def mortal(server: "Server") -> "Iterator[Server]":
    """The same, which the test may kill."""
    yield server
    server.start()


@pytest.fixture
def shared_ledger(server: "Server", ledger_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger for one test that is in a database, as alice sees it; this is its folder."""
    monkeypatch.setenv("RESNB_LEDGER", server.url_of("alice"))
    return ledger_home


def end_reapers(home: Path) -> None:
    """Kill the reapers of one ledger."""
    for process in psutil.process_iter(["cmdline"]):
        if str(home) not in (process.info["cmdline"] or ()):
            continue
        for one in (process, *children_of(process)):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.fixture(autouse=True, scope="session")
def no_ledger() -> Iterator[None]:
    """Leases of the tests' own process are in no ledger: a reaper could not see their objects.

    Other processes that tests start have one, and so have the keepers of tests of the ledger.
    """
    from tests.ledger.no_book import NoBook

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resnb.ledger.kernel.keeper.KEEPER.make_book", NoBook)
        yield


@pytest.fixture(scope="session")
def leak_grace() -> float:
    """Seconds that what a test began may take to end; a test module may override it."""
    return 30.0


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest, leak_grace: float) -> Iterator[None]:
    before = Alive.now()
    yield
    filters = [one for mark in request.node.iter_markers("filterwarnings") for one in mark.args]
    if "ignore::ResourceWarning" in filters:
        gc.collect()  # what a library leaves to it here would make another test fail
    if leaks := Alive.now().since(before, leak_grace):
        pytest.fail("the test left behind: " + "; ".join(leaks), pytrace=False)


@pytest.fixture(autouse=True, scope="session")
def no_orphans(leak_grace: float) -> Iterator[None]:
    mark = uuid.uuid4().hex
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SESSION_MARK, mark)
        yield
    never, deadline = threading.Event(), time.monotonic() + leak_grace
    while (left := orphans(mark)) and time.monotonic() < deadline:
        never.wait(0.05)
    if left:
        names = "; ".join(left)
        pytest.fail(f"processes of this session are still there: {names}", pytrace=False)


def orphans(mark: str) -> list[str]:
    """What there is of a session's processes; one that has ended has no environment."""
    return [
        described(process)
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(SESSION_MARK) == mark and not is_kept(process)
    ]
