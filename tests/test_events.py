"""Events reach every listener, whichever thread it comes from, and none after it was stopped."""

import sys
import threading

import pytest

from resnb.events import Events, RunBegan

EVENT = RunBegan("f")


@pytest.fixture
def events():
    return Events()


@pytest.fixture
def often_switched():
    """Threads take turns after almost every instruction."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_listener_is_called_until_it_is_stopped(events):
    heard = []
    stop = events.listen(heard.append)
    events.publish(EVENT)
    stop()
    stop()
    events.publish(EVENT)
    assert heard == [EVENT]


def test_stopping_one_of_two_keeps_the_other(events):
    heard = []
    stop = events.listen(heard.append)
    events.listen(heard.append)
    stop()
    events.publish(EVENT)
    assert heard == [EVENT]


def test_a_listener_may_stop_itself_and_others(events):
    heard = []
    stops = []

    def listener(event):
        heard.append(event)
        for stop in stops:
            stop()

    stops += [events.listen(listener), events.listen(listener)]
    events.publish(EVENT)
    events.publish(EVENT)
    assert heard == [EVENT, EVENT]


def test_a_listener_that_raises_is_printed_and_hinders_nobody(events, capsys):
    heard = []
    events.listen(lambda _: 1 / 0)
    events.listen(heard.append)
    events.publish(EVENT)
    assert heard == [EVENT]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_threads_that_listen_and_stop_at_once_leave_nobody_behind(events, often_switched):
    heard = []
    begin = threading.Barrier(8)

    def come_and_go():
        begin.wait(timeout=60)
        for _ in range(500):
            events.listen(heard.append)()

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    events.publish(EVENT)
    assert heard == []
