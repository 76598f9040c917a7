# ruff: noqa: T201 - tasks print here
"""What is kept of what tasks print: followed while it grows, bounded, each to its own."""

import io
import logging
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb import Flow, LocalExecutor, get_run_logger, task, unmapped
from resnb.run.inspection import failed_children, log_since, run_number, running_for
from resnb.run.memory import memory_of
from resnb.run.output import writer
from resnb.run.output.log import LOG_LIMIT, ChildrenLog, Log
from resnb.run.output.routing import HEARD_BY, heard_by, routed
from tests.run.parts import PATIENCE, ManualClock, ended, started

# ---- logs, without runs


@given(st.lists(st.text(max_size=9)), st.integers(0, 40), st.integers(1, 20))
def test_a_piece_is_what_came_after_its_position(texts, position, most):
    log = Log()
    for text in texts:
        log.add(text)
    whole = "".join(texts)
    piece = log.since(position, most)
    assert piece.end == len(whole)
    assert piece.text == whole[piece.start :]
    assert len(piece.text) == max(0, min(len(whole) - position, most))


@given(st.lists(st.text(max_size=12)))
def test_whoever_follows_a_log_reads_it_whole(texts):
    log, read, position = Log(), "", 0
    for text in texts:
        log.add(text)
        piece = log.since(position)
        assert piece.start == position
        read, position = read + piece.text, piece.end
    assert read == "".join(texts)


def test_of_a_long_log_the_end_is_kept():
    log = Log()
    for number in range(100):
        log.add(f"{number:02}" * (LOG_LIMIT // 50))
    log.add("the end")
    assert log.end == 100 * 2 * (LOG_LIMIT // 50) + 7
    assert log.since().text.endswith("9999the end")
    assert len(log.since().text) == LOG_LIMIT
    assert sum(map(len, log._parts)) < 2 * LOG_LIMIT
    log.add("x" * (3 * LOG_LIMIT))
    assert log.since(0, 5).text == "xxxxx"


def test_each_further_try_is_said():
    log = Log()
    for number in (1, 2, 2, 3):
        log.begin_try(number)
        log.add("text" if number == 1 else "line\n")
    assert log.since().text == "text\n--- try 2 ---\nline\nline\n--- try 3 ---\nline\n"


def test_lines_of_children_do_not_mix():
    log = Log()
    log.add("of the task itself\n")
    together = ChildrenLog(log)
    for item, text in (
        (0, "hel"),
        (1, "good "),
        (0, "lo\n"),
        (1, "bye"),
        (1, "\n"),
        (2, "a\nb\nc"),
    ):
        together.add(item, text, 1)
    lines = "of the task itself\n[0] hello\n[1] good bye\n[2] a\n[2] b\n"
    assert log.since().text == lines
    assert together.begun() == [2]
    together.end_line(2)
    together.end_line(2)
    together.add(3, "again\n", 2)
    assert log.since().text == f"{lines}[2] c\n[3, try 2] again\n"
    together.add(4, "x" * (ChildrenLog.LONGEST + 1), 1)
    assert together.begun() == []


# ---- runs


def test_a_log_can_be_followed_while_its_task_runs():
    printed, go_on = threading.Event(), threading.Event()

    @task
    def talks():
        print("first")
        printed.set()
        assert go_on.wait(PATIENCE)
        print("second")

    with Flow("f") as flow:
        talker = talks()
    memory, clock = memory_of(flow), ManualClock()
    assert log_since(memory, talker, 0, 100).text == ""
    assert run_number(memory, talker) == 0
    assert running_for(memory, talker) is None
    clock.seconds = 5.0
    run = started(flow, clock)
    assert printed.wait(PATIENCE)
    clock.seconds = 7.5
    assert running_for(memory, talker) == 2.5
    piece = log_since(memory, talker, 0, 100)
    assert piece.text == "first\n"
    go_on.set()
    ended(run)
    assert log_since(memory, talker, piece.end, 100).text == "second\n"
    assert running_for(memory, talker) is None
    number = run_number(memory, talker)
    flow.run()
    assert run_number(memory, talker) != number


def test_a_mapped_task_has_the_lines_of_its_children_and_their_failures(capsys):
    @task(max_retries=1, retry_delay=0)
    def each(number, total):
        print(f"{number} of", total, end="" if number == 3 else "\n")
        if number % 2:
            raise ValueError(f"odd {number}")
        return number

    with Flow("f") as flow:
        mapped = each.map([0, 1, 2, 3], unmapped(4))
    assert flow.run(executor=LocalExecutor()).is_failed()
    memory = memory_of(flow)
    lines = memory.log_of(mapped).splitlines()
    assert sorted(lines) == [
        "[0] 0 of 4", "[1, try 2] 1 of 4", "[1] 1 of 4", "[2] 2 of 4", "[3, try 2] 3 of 4",
            "[3] 3 of 4",
    ]  # fmt: skip
    failed = failed_children(memory, mapped, 5)
    assert [(one.item, one.reason, str(one.error)) for one in failed] == [
        (1, "ValueError: odd 1", "odd 1"),
        (3, "ValueError: odd 3", "odd 3"),
    ]
    assert [one.item for one in failed_children(memory, mapped, 1)] == [1]
    assert "0 of 4" in capsys.readouterr().out


def test_a_retried_task_has_the_lines_of_each_try(capsys):
    tries = []

    @task(max_retries=2, retry_delay=0)
    def flaky():
        tries.append(None)
        print("try", len(tries))
        if len(tries) < 3:
            raise OSError

    with Flow("f") as flow:
        one = flaky()
    assert flow.run().is_successful()
    assert memory_of(flow).log_of(one) == "try 1\n--- try 2 ---\ntry 2\n--- try 3 ---\ntry 3\n"
    assert capsys.readouterr().out == "try 1\ntry 2\ntry 3\n"


def test_what_is_logged_is_kept_with_its_task_and_written_in_graph_order(capsys, monkeypatch):
    """Also by a handler that was made before the run, and holds the stream itself."""
    logger = logging.getLogger("tests.logs")
    handler = logging.StreamHandler(sys.stderr)
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    meeting = threading.Barrier(4, timeout=PATIENCE)

    @task
    def logs(number):
        meeting.wait()
        logger.warning("of task %s", number)
        get_run_logger().info("its own %s", number)

    with Flow("f") as flow:
        tasks = [logs(number) for number in range(4)]
    before = handler.stream
    assert flow.run().is_successful()
    assert handler.stream is before
    expected = [f"of task {number}\nINFO: its own {number}\n" for number in range(4)]
    assert [memory_of(flow).log_of(one) for one in tasks] == expected
    assert capsys.readouterr().err == "".join(expected)


def test_a_run_without_a_cell_writes_nowhere_and_keeps_everything(capsys):
    with Flow("f", on_completion=lambda: 1 / 0) as flow:
        one = task(lambda: print("hello"), name="prints")()
    token = writer.WITHOUT_CELL.set(True)
    try:
        run = started(flow)
    finally:
        writer.WITHOUT_CELL.reset(token)
    ended(run)
    assert memory_of(flow).log_of(one) == "hello\n"
    assert "ZeroDivisionError" in run.execution.output.log_of(-1)
    assert capsys.readouterr() == ("", "")
    flow.run()
    assert capsys.readouterr().out == "hello\n"


# ---- who hears what


def test_what_a_block_prints_is_heard_by_one_only(capsys):
    heard, others = [], []
    with heard_by(heard.append):
        print("mine")
        thread = threading.Thread(target=lambda: print("of another thread"))
        thread.start()
        thread.join()
        with heard_by(others.append):
            print("inside")
        sys.stderr.writelines(["my ", "error"])
    print("outside")
    assert "".join(heard) == "mine\nmy error"
    assert "".join(others) == "inside\n"
    assert capsys.readouterr() == ("of another thread\noutside\n", "")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_those_who_route_may_end_in_any_order(order):
    before = sys.stdout
    stops = [routed(), routed()]
    assert sys.stdout is not before
    stops[order[0]]()
    assert sys.stdout is not before
    stops[order[1]]()
    assert sys.stdout is before


@pytest.mark.parametrize("inner_ends_first", [True, False])
def test_a_stream_that_was_put_in_place_meanwhile_stays_and_nothing_is_lost(inner_ends_first):
    before, target = sys.stdout, io.StringIO()
    stop = routed()
    router, sys.stdout = sys.stdout, target
    inner = routed()
    try:
        print("to the target")
        (inner if inner_ends_first else stop)()
        if inner_ends_first:
            assert sys.stdout is target
        (stop if inner_ends_first else inner)()
        assert sys.stdout is target
        sys.stdout = router  # as whoever redirected it restores it
        assert HEARD_BY.get() is None
        routed()()
        assert sys.stdout is before
    finally:
        sys.stdout = before
    assert target.getvalue() == "to the target\n"
