"""What errors show: one line, and the user's frames only."""

import inspect
import json
import re
import traceback
from pathlib import Path

import pytest

import resnb
from resnb import Flow, errors, task
from resnb.errors import (
    FlowFailed,
    GraphError,
    OutsideFlowError,
    ResnbError,
    as_word,
    enumerated,
    user_frames,
)
from resnb.notebook.lines.parsed import parse_command_line

KINDS = [
    kind
    for name in errors.__all__
    if isinstance(kind := getattr(errors, name), type) and issubclass(kind, ResnbError)
]
HOME = str(Path(resnb.__file__).parent)


def frames(tb):
    return [frame.f_code.co_filename for frame, _ in traceback.walk_tb(tb)]


def called_outside():
    task(lambda: 1, name="alone")()


def caught(function):
    with pytest.raises(ResnbError) as found:
        function()
    return found.value


def test_every_error_of_the_module_is_public():
    defined = {name for name, kind in inspect.getmembers(errors, inspect.isclass)
               if issubclass(kind, BaseException)}  # fmt: skip
    assert defined <= set(errors.__all__)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_can_be_caught_as_one(kind):
    assert str(kind("a line")) == "a line"
    assert issubclass(kind, ResnbError)


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (errors.GraphError, ValueError),
        (errors.OptionError, ValueError),
        (errors.OutsideFlowError, GraphError),
        (errors.RunError, RuntimeError),
        (errors.NoValueError, errors.RunError),
        (errors.IllegalTransition, RuntimeError),
    ],
)
def test_errors_are_what_python_calls_such_errors(kind, base):
    assert issubclass(kind, base)


def test_a_request_to_stop_is_not_caught_by_a_broad_except():
    assert not issubclass(errors.TaskCancelled, Exception)


def test_user_frames_begin_with_the_users_code():
    code = compile("boom()", f"{HOME}/made_up.py", "exec")

    def boom():
        raise ZeroDivisionError

    try:
        exec(code, {"boom": boom})
    except ZeroDivisionError as error:
        tb = error.__traceback__
    assert frames(tb)[1] == f"{HOME}/made_up.py"
    assert frames(user_frames(tb.tb_next)) == [__file__]
    assert user_frames(tb) is tb


@pytest.mark.parametrize("filename", ["/x/IPython/core/interactiveshell.py", f"{HOME}/run/a.py"])
def test_user_frames_leave_out(filename):
    tb = traceback_through(filename)
    assert frames(tb) == [__file__, filename]
    assert user_frames(tb.tb_next) is None
    assert user_frames(None) is None


@pytest.mark.parametrize("filename", [f"{HOME}_notes/a.py", "<cell 1>", "/x/ipython/core.py"])
def test_user_frames_keep(filename):
    tb = traceback_through(filename).tb_next
    assert frames(user_frames(tb)) == [filename]


def traceback_through(filename):
    try:
        exec(compile("1 / 0", filename, "exec"))
    except ZeroDivisionError as error:
        return error.__traceback__


def test_what_a_notebook_shows_of_an_error():
    error = caught(called_outside)
    assert isinstance(error, OutsideFlowError)
    shown = "\n".join(error._render_traceback_())
    assert "in called_outside" in shown
    assert HOME not in shown
    assert shown.splitlines()[-1] == f"OutsideFlowError: {error}"


def test_an_error_without_a_traceback_shows_its_line():
    assert GraphError("a line")._render_traceback_() == ["GraphError: a line"]
    assert FlowFailed("a line")._render_traceback_() == ["FlowFailed: a line"]


def test_a_failed_flow_shows_why_its_task_failed():
    def work():
        return 1 / 0

    code = compile("work()", f"{HOME}/run/made_up.py", "exec")
    try:
        exec(code, {"work": work})
    except ZeroDivisionError as error:
        cause = error.with_traceback(error.__traceback__.tb_next)
    failed = FlowFailed("flow 'f' failed: 'work' raised", state="the state")
    failed.__cause__ = cause
    shown = "\n".join(failed._render_traceback_())
    assert failed.state == "the state"
    assert "in work" in shown
    assert "made_up.py" not in shown
    assert re.search(r"ZeroDivisionError: division by zero\nFlowFailed: flow 'f' failed", shown)


def test_messages_are_one_line():
    with Flow("f"):
        error = caught(task(lambda a: a, name="t"))
    assert len(str(error).splitlines()) == 1


def test_a_message_cannot_steer_a_terminal_whatever_name_is_in_it():
    error = GraphError("a\x1b[2J\x9b1m\x07\u202eb\r\nc\td é")
    spelled = "a\\x1b[2J\\x9b1m\\x07\\u202eb\\r\nc\td é"
    assert str(error) == spelled
    assert error._render_traceback_() == f"GraphError: {spelled}".splitlines()


def in_file(name, line, **names):
    exec(compile(line, f"{HOME}/{name}", "exec"), names)


def test_a_library_that_a_ready_made_resource_calls_is_not_the_users():
    with pytest.raises(ValueError, match="Expecting") as found:
        in_file("resources/made_up.py", "json.loads('{')", json=json)
    tb = found.value.__traceback__.tb_next.tb_next  # that of the made-up file
    assert frames(tb)[0] == f"{HOME}/resources/made_up.py"
    assert len(frames(tb)) > 1
    assert user_frames(tb) is None
    with pytest.raises(ValueError, match="Expecting") as found:
        in_file("run/made_up.py", "json.loads('{')", json=json)
    tb = found.value.__traceback__.tb_next.tb_next
    assert user_frames(tb) is tb.tb_next


def test_of_a_library_that_resnb_has_called_only_the_messages_are_shown():
    try:
        json.loads("{")
    except ValueError as error:
        cause = error.with_traceback(error.__traceback__.tb_next)
    with pytest.raises(RuntimeError) as found:
        in_file("run/made_up.py", "raise RuntimeError('no luck') from cause", cause=cause)
    lines = errors.shown_without_ours(found.value)._render_traceback_()
    assert lines[0].startswith("json.decoder.JSONDecodeError: Expecting")
    assert lines[-1] == "RuntimeError: no luck"
    assert any(Path(__file__).name in line for line in lines)
    assert not any('decoder.py"' in line or 'made_up.py", line' in line for line in lines)


def test_an_interrupt_shows_the_users_lines_only():
    def interrupted(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as found:
        json.loads("[1]", parse_int=interrupted)
    lines = errors.shown_without_ours(found.value)._render_traceback_()
    assert [line for line in lines if "File" in line and Path(__file__).name not in line] == []
    assert lines[-1] == "KeyboardInterrupt"


@pytest.mark.parametrize(
    ("name", "word"),
    [("etl", "etl"), ("é-1", "é-1"), ("a b", "'a b'"), ("a'b", '"a\'b"'), ("a#", "'a#'")],
)
def test_a_name_in_a_remedy_is_a_word_of_a_line(name, word):
    assert as_word(name) == word
    assert parse_command_line(f"run {as_word(name)}").name == name


def test_of_many_names_an_error_lists_the_first():
    assert enumerated(["a", "b"]) == "'a', 'b'"
    assert enumerated(list("abcdefg")) == "'a', 'b', 'c', 'd', 'e' and 2 more"
