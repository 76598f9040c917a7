# ruff: noqa: T201 - tasks print here
"""What tasks print: in graph order, live where it is their turn, kept with each task."""

import contextlib
import io
import sys
import threading
import warnings

import pytest

from resnb import Flow, LocalExecutor, get_run_logger, task
from resnb.run.memory import memory_of
from resnb.run.output.writer import LOG_LIMIT
from tests.run.parts import PATIENCE, Stubborn, ended, started


@pytest.mark.parametrize("executor", [None, LocalExecutor()])
def test_eight_printing_tasks_print_the_same_on_every_run(capsys, executor):
    meeting = threading.Barrier(1 if executor else 8, timeout=PATIENCE)

    @task
    def prints(number):
        for line in range(3):
            meeting.wait()
            print(number, line)

    with Flow("f") as flow:
        for number in range(8):
            prints(number)
    for _ in range(5):
        assert flow.run(executor=executor).is_successful()
        expected = [f"{number} {line}" for number in range(8) for line in range(3)]
        assert capsys.readouterr().out.splitlines() == expected


def test_the_task_whose_turn_it_is_streams_and_the_next_waits_for_its_turn(capsys):
    first_printed, second_printed, seen = threading.Event(), threading.Event(), []

    @task
    def first():
        print("first")
        first_printed.set()
        assert second_printed.wait(PATIENCE)
        seen.append(capsys.readouterr().out)

    @task
    def second():
        assert first_printed.wait(PATIENCE)
        print("second")
        second_printed.set()

    with Flow("f") as flow:
        first()
        second()
    assert flow.run().is_successful()
    assert seen == ["first\n"]
    assert capsys.readouterr().out == "second\n"


def test_children_of_a_mapped_task_print_in_order_of_their_items(capsys):
    with Flow("f") as flow:
        task(lambda number: print("item", number), name="each").map([3, 1, 2])
    flow.run()
    assert capsys.readouterr().out == "item 3\nitem 1\nitem 2\n"


def test_what_a_hook_and_a_handler_print_comes_with_their_task(capsys):
    hooked = {"on_completion": lambda: print("hook"), "state_handlers": [lambda *_: print("state")]}
    with Flow("f") as flow:
        for name in "ab":
            task(print, name=name, **hooked)(name)
    flow.run()
    assert capsys.readouterr().out == "state\na\nstate\nhook\nstate\nb\nstate\nhook\n"


def test_output_is_kept_with_its_task_up_to_a_limit(capsys):
    with Flow("f") as flow:
        little = task(lambda: print("little", file=sys.stderr), name="little")()
        much = task(lambda: print("x" * (LOG_LIMIT + 5)), name="much")()
    flow.run()
    assert memory_of(flow).log_of(little) == "little\n"
    assert memory_of(flow).log_of(much) == "x" * (LOG_LIMIT - 1) + "\n"
    assert len(capsys.readouterr().out) == LOG_LIMIT + 6


def test_a_logger_for_tasks(capsys):
    @task
    def logs():
        try:
            int("no")
        except ValueError:
            get_run_logger().exception("it failed: %s", 5)

    with Flow("f") as flow:
        logs()
    flow.run()
    err = capsys.readouterr().err
    assert err.startswith("ERROR: it failed: 5\nTraceback")
    assert err.endswith("ValueError: invalid literal for int() with base 10: 'no'\n")
    get_run_logger().warning("outside")
    assert "outside" in capsys.readouterr().err


def test_streams_are_given_back_and_what_others_put_there_stays():
    before = sys.stdout, sys.stderr, warnings.showwarning
    with Flow("f") as flow:
        task(lambda: print("text"), name="prints")()
    target = io.StringIO()
    with contextlib.redirect_stdout(target):
        flow.run()
    assert target.getvalue() == "text\n"
    assert (sys.stdout, sys.stderr, warnings.showwarning) == before


def test_a_stream_that_is_closed_does_not_end_the_run():
    class Closed(io.StringIO):
        def write(self, text):
            raise ValueError("I/O operation on closed file")

    reached = []
    with Flow("f") as flow:
        task(lambda: print("text"), name="prints")()
        task(lambda: reached.append(1), name="other")()
    with contextlib.redirect_stdout(Closed()):
        assert flow.run().is_successful()
    assert reached == [1]


def test_what_a_finalizer_prints_while_we_write_does_not_lock_us_up():
    written = []

    class Reentrant(io.StringIO):
        def write(self, text):
            if text == "outer":
                print("inner", end="")  # as a finalizer would, on the same thread
            written.append(text)
            return len(text)

    @task
    def prints():
        print("outer", end="")

    with Flow("f") as flow, contextlib.redirect_stdout(Reentrant()):
        prints()
    with contextlib.redirect_stdout(Reentrant()):
        assert flow.run().is_successful()
    assert sorted(filter(None, written)) == ["inner", "outer"]


def test_code_that_was_left_behind_prints_to_its_log_only(capsys, clock):
    from resnb.run.engine.cancellation import GRACE

    stubborn, printed = Stubborn(), threading.Event()

    @task(timeout=5)
    def hangs():
        try:
            stubborn()
        finally:
            print("late")
            printed.set()

    with Flow("f") as flow:
        handle = hangs()
    run = started(flow, clock)
    stubborn.await_beginning()
    clock.advance(5)
    clock.await_timer(GRACE)
    clock.advance(GRACE)
    ended(run)
    stubborn.let_go.set()
    assert printed.wait(PATIENCE)
    assert capsys.readouterr().out in ("", "late\n")
    assert run.execution.output._pending == {}
    assert handle is not None


def test_the_warnings_of_a_librarys_own_threads_are_kept_and_not_shown(capsys):
    @task
    def starts():
        thread = threading.Thread(target=warnings.warn, args=("port 1234 is taken", UserWarning))
        thread.start()
        thread.join()
        warnings.warn("my own", UserWarning, stacklevel=1)

    with Flow("f") as flow:
        starts()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        before, warnings.showwarning = warnings.showwarning, _shown
        try:
            run = started(flow)
            ended(run)
        finally:
            warnings.showwarning = before
    assert "my own" in capsys.readouterr().err
    assert "port 1234 is taken" in run.execution.output.log_of(-1)


def _shown(message, *_):
    sys.stderr.write(f"{message}\n")
