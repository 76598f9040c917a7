"""The feed's readers with a ledger that does what the test says, and no time that passes."""

import asyncio
import json

import pytest

from resnb.server import lease_json
from resnb.server.feed import MOST_READERS, Feed
from resnb.server.requests import UNEXPECTED, Refused
from tests.server.served import PATIENCE


def state(name):
    return lease_json.Leases(({"name": name},), json.dumps([{"name": name}]), 1)


class Ledger:
    """Tells what it is given; counts who waits."""

    def __init__(self):
        self.next = asyncio.Queue()
        self.known = []
        self.waiting = 0
        self.pauses = 0

    async def news(self, known):
        self.known.append(known)
        self.waiting += 1
        try:
            found = await self.next.get()
        finally:
            self.waiting -= 1
        if isinstance(found, Exception):
            raise found
        return found

    async def pause(self, seconds):
        assert seconds > 0
        self.pauses += 1

    def feed(self):
        return Feed(self.news, self.pause)


def shown(text):
    message = json.loads(text)
    return [one["name"] for one in message["leases"]], message["error"]


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


def run(test):
    asyncio.run(asyncio.wait_for(test(Ledger()), PATIENCE))


def test_all_readers_are_told_of_a_change():
    async def test(ledger):
        feed = ledger.feed()
        readers = [feed.join(), feed.join()]
        for name in ("one", "two"):
            ledger.next.put_nowait(state(name))
            assert [shown(await one.next()) for one in readers] == [([name], "")] * 2
        assert ledger.known[:2] == [None, state("one")]
        await feed.close()

    run(test)


def test_a_slow_reader_is_told_the_latest_only():
    async def test(ledger):
        feed = ledger.feed()
        slow = feed.join()
        for number in range(5):
            ledger.next.put_nowait(state(f"{number}"))
            await settled()
        assert shown(await slow.next()) == (["4"], "")
        waiting = asyncio.ensure_future(slow.next())
        await settled()
        assert not waiting.done()
        ledger.next.put_nowait(state("5"))
        assert shown(await waiting) == (["5"], "")
        await feed.close()

    run(test)


def test_a_late_reader_is_told_the_state_at_once():
    async def test(ledger):
        feed = ledger.feed()
        first = feed.join()
        ledger.next.put_nowait(state("one"))
        await first.next()
        assert shown(await feed.join().next()) == (["one"], "")
        await feed.close()

    run(test)


def test_nobody_looks_when_nobody_reads():
    async def test(ledger):
        feed = ledger.feed()
        await settled()
        assert ledger.known == []
        first, second = feed.join(), feed.join()
        await settled()
        feed.leave(first)
        await settled()
        assert ledger.waiting == 1
        feed.leave(second)
        feed.leave(second)
        await settled()
        assert ledger.waiting == 0
        ledger.next.put_nowait(state("later"))
        again = feed.join()
        assert shown(await again.next()) == (["later"], "")
        assert ledger.known[:2] == [None, None]
        await feed.close()
        assert ledger.waiting == 0

    run(test)


@pytest.mark.parametrize(
    ("error", "said"), [(Refused(503, "it is locked"), "it is locked"), (KeyError(1), UNEXPECTED)]
)
def test_a_ledger_that_cannot_be_read_is_told_once_and_looked_at_again(error, said):
    async def test(ledger):
        feed = ledger.feed()
        reader = feed.join()
        ledger.next.put_nowait(state("one"))
        assert shown(await reader.next()) == (["one"], "")
        ledger.next.put_nowait(error)
        assert shown(await reader.next()) == (["one"], said)
        ledger.next.put_nowait(error)
        await settled()
        waiting = asyncio.ensure_future(reader.next())
        await settled()
        assert not waiting.done()
        assert ledger.pauses == 2
        ledger.next.put_nowait(state("one"))
        assert shown(await waiting) == (["one"], "")
        await feed.close()

    run(test)


def test_there_are_only_so_many_readers():
    async def test(ledger):
        feed = ledger.feed()
        readers = [feed.join() for _ in range(MOST_READERS)]
        with pytest.raises(Refused, match="streams are open"):
            feed.join()
        feed.leave(readers[0])
        feed.join()
        await feed.close()

    run(test)
