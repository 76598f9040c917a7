"""The parts between routes and ledger: looks that read nothing, deadlines, sweepers."""

import asyncio
import subprocess
import sys
import threading

import pytest

from resnb.errors import LedgerError
from resnb.ledger.admin import listing
from resnb.ledger.liveness import Liveness
from resnb.ledger.store.store import Store
from resnb.server import watch as watching
from resnb.server.lock_watch import LockWatch
from resnb.server.requests import Refused, lease_filter
from resnb.server.service import LedgerService
from resnb.server.sweeps import LEAST_PAUSE, Sweeper, Sweeps
from resnb.server.watch import LOOK_CLOSELY, LedgerWatch
from tests.ledger.worlds import gone, here
from tests.ledger.worlds import lease as made
from tests.server.served import PATIENCE, ROOT


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "ledger")


@pytest.fixture
def watch(store):
    watch = LedgerWatch(store.home)
    yield watch
    watch.let_go()


@pytest.fixture
def reads(monkeypatch, watch):
    """How often a watch has read the ledger's records."""
    reads = []
    original = watch._queries.leases

    def counted(**options):
        reads.append(1)
        return original(**options)

    monkeypatch.setattr(watch._queries, "leases", counted)
    return reads


def ids(leases):
    return [one["id"] for one in leases.shown]


# ---- looking


def test_the_ledger_is_read_only_if_somebody_has_written(store, watch, reads):
    assert ids(watch.look()) == []
    store.add(made("abcd", here()))
    assert ids(watch.look()) == ["abcd"]
    before = len(reads)
    assert watch.look() is watch.look(closely=False) is watch.find(lease_filter({}))
    assert ids(watch.find(lease_filter({"name": ["nobody"]}))) == []
    assert len(reads) == before
    store.close("abcd", 3000.0)
    assert ids(watch.look()) == []
    assert ids(watch.find(lease_filter({"state": ["closed"]}))) == ["abcd"]


def test_a_close_look_sees_that_a_kernel_is_gone(store, watch, monkeypatch):
    store.add(made("abcd", here()))
    assert watch.look().shown[0]["kernel"] == "alive"
    monkeypatch.setattr(Liveness, "status", lambda *_: "dead")
    assert watch.look(closely=False).shown[0]["kernel"] == "alive"
    assert watch.look().shown[0]["kernel"] == "dead"


def test_what_is_kept_no_longer_shows_when_its_time_is_over(store, watch, monkeypatch):
    store.add(made("abcd", gone(), state="kept", keep_until=4e9))
    assert watch.look(closely=False).shown[0]["kept"]
    for module in (listing, watching):
        monkeypatch.setattr(module, "now", lambda: 5e9)
    assert not watch.look(closely=False).shown[0]["kept"]


def test_a_close_look_sees_what_the_files_times_do_not_tell(store, watch, monkeypatch):
    store.add(made("abcd", here()))
    monkeypatch.setattr(watching, "_times", lambda _: (5.0, 5, 5))
    watch.look()
    store.change("abcd", reason="told")
    assert watch.look(closely=False).shown[0]["reason"] == ""
    assert watch.look().shown[0]["reason"] == "told"


def test_files_that_were_written_just_now_are_not_trusted(store, watch, monkeypatch):
    store.add(made("abcd", here()))
    monkeypatch.setattr(watching, "_times", lambda _: (4e9, 5, 5))
    watch.look()
    store.change("abcd", reason="told")
    assert watch.look(closely=False).shown[0]["reason"] == "told"


def test_news_come_after_some_looks_at_nothing(store, watch, reads):
    store.add(made("abcd", here()))
    known = watch.news(None, None)
    looks = []

    def stopped(_):
        looks.append(len(reads))
        if len(looks) == 2 * LOOK_CLOSELY:
            store.change("abcd", reason="told")
        return False

    assert watch.news(known, stopped).shown[0]["reason"] == "told"
    assert set(looks) == {1}


def test_who_waits_no_more_is_told_nothing_and_holds_nothing(store, watch):
    store.add(made("abcd", here()))
    known = watch.news(None, None)
    assert watch.news(known, lambda _: True) is None
    assert watch._marks._database._kept is None


def test_a_ledger_that_others_can_write_is_refused(store, watch):
    store.add(made("abcd", here()))
    store.home.chmod(0o777)
    with pytest.raises(LedgerError, match="can be written by others"):
        watch.look()
    store.home.chmod(0o700)
    assert ids(watch.look()) == ["abcd"]


# ---- the service


@pytest.fixture
def at_desk(store):
    """Runs a test's coroutine function with a service."""

    def run(test, **options):
        async def with_desk():
            service = LedgerService(store.home, lambda _: None, **options)
            try:
                await asyncio.wait_for(test(service), PATIENCE)
            finally:
                await service.close()

        asyncio.run(with_desk())

    return run


def test_a_command_that_hangs_is_refused_and_holds_up_no_list(at_desk, store):
    store.add(made("abcd", here()))
    go = threading.Event()

    async def test(service):
        both = [service.work(go.wait), service.work(go.wait), service.work(go.wait)]
        refused = await asyncio.gather(*both, return_exceptions=True)
        assert {one.status for one in refused} == {503}
        assert "did not answer within 0.5 s" in str(refused[0])
        service._deadline = PATIENCE  # a list takes its time on a busy machine
        assert '"abcd"' in await service.find(lease_filter({}))
        go.set()

    try:
        at_desk(test, deadline=0.5)
    finally:
        go.set()


def test_waiting_for_news_ends_with_who_waits(at_desk, store):
    store.add(made("abcd", here()))

    async def test(service):
        known = await service.news(None)
        waiting = asyncio.ensure_future(service.news(known))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert ids(await service.news(None)) == ["abcd"]
        waiting = asyncio.ensure_future(service.news(known))
        store.close("abcd", 3000.0)
        assert ids(await waiting) == []

    at_desk(test)


def test_what_the_ledger_says_becomes_an_answer(at_desk, store):
    store.add(made("abcd", here(), dies_with_kernel=True))

    async def test(service):
        for status, asked in (
            (409, service.change("abcd", "keep", 5.0)), (409, service.change("abcd", "adopt", 5.0)),
            (404, service.change("none", "keep", 5.0)), (404, service.change("abc", "cleanup")),
        ):  # fmt: skip
            with pytest.raises(Refused) as refused:
                await asked
            assert refused.value.status == status
        store.home.chmod(0o777)
        with pytest.raises(Refused, match="can be written by others") as refused:
            await service.find(lease_filter({}))
        assert refused.value.status == 503
        store.home.chmod(0o700)

    at_desk(test)


# ---- sweepers


class Timer:
    """Calls nothing until it is told to."""

    def __init__(self):
        self.now = 100.0
        self.owed = []

    def later(self, pause, work):
        self.owed.append((self.now + pause, work))

    def pass_time(self, seconds):
        self.now += seconds
        due = [one for one in self.owed if one[0] <= self.now]
        self.owed = [one for one in self.owed if one not in due]
        for _, work in due:
            work()


def test_one_sweeper_a_second_is_started_and_one_after_the_last_who_asked(tmp_path):
    timer, started = Timer(), []
    sweeper = Sweeper(timer.later, lambda _: started.append(timer.now), lambda: timer.now)
    for _ in range(5):
        sweeper(tmp_path)
    assert (started, len(timer.owed)) == ([100.0], 1)
    timer.pass_time(LEAST_PAUSE)
    assert (started, timer.owed) == ([100.0, 101.0], [])
    sweeper(tmp_path)
    assert len(started) == 2
    timer.pass_time(LEAST_PAUSE)
    timer.pass_time(LEAST_PAUSE)
    sweeper(tmp_path)
    assert started == [100.0, 101.0, 102.0, 103.0]


def test_a_sweeper_that_cannot_be_started_is_told_to_who_asked(tmp_path):
    def broken(_):
        raise LedgerError("the sweeper cannot be started")

    timer = Timer()
    sweeper = Sweeper(timer.later, broken, lambda: timer.now)
    with pytest.raises(LedgerError):
        sweeper(tmp_path)
    sweeper(tmp_path)
    timer.pass_time(LEAST_PAUSE)  # nobody is there to be told
    timer.pass_time(LEAST_PAUSE)
    with pytest.raises(LedgerError):
        sweeper(tmp_path)


@pytest.mark.parametrize("fault", [Refused(503, "not now"), RecursionError("too deep")])
def test_sweeps_go_on_after_one_that_failed(tmp_path, fault):
    async def test():
        done = asyncio.Queue()

        async def do(work):
            done.put_nowait(work)
            raise fault

        sweeps = Sweeps(do, LockWatch(tmp_path), 0.0, look_every=0.001)
        sweeps.start()
        for _ in range(3):
            await done.get()
        await sweeps.stop()

    asyncio.run(asyncio.wait_for(test(), PATIENCE))


# ---- what it needs


def test_the_server_imports_nothing_that_could_run_a_notebooks_code():
    probe = (
        "import sys; import resnb.server.extension; "
        "bad = {'cloudpickle', 'IPython', 'dask', 'resnb.graph', 'resnb.run', 'resnb.notebook'}; "
        "print(sorted(bad & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
