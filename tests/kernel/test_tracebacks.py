"""Tracebacks: they name the cell and the user's line, and show no line of resnb's or IPython's."""

import re

import pytest

_OURS = re.compile(r"resnb/(graph|run|notebook|ledger|view)/|resnb/\w+\.py|IPython/|ipykernel")


def check(shown, *texts):
    assert not _OURS.search(shown.traceback), shown.traceback
    position = 0
    for text in texts:
        found = shown.traceback.find(text, position)
        assert found >= 0, f"{text!r} is not in\n{shown.traceback[position:]}"
        position = found + len(text)


BODY = """
%%flow etl
x = number(1)
def helper(n):
    return n / 0

y = number(helper(3))
"""


def test_an_error_of_a_body_shows_the_line_of_the_cell(notebook):
    check(
        notebook.fail(BODY, "a"),
        "ZeroDivisionError",
        ", line 6",
        "----> 6 y = number(helper(3))",
        ", line 4, in helper(n)",
        "----> 4     return n / 0",
        "ZeroDivisionError: division by zero",
    )


def test_the_line_after_magics_and_shell_commands_is_the_cells(notebook):
    check(notebook.fail("%%flow etl\n%pwd\n!true\nx = 1 / 0", "a"), "----> 4 x = 1 / 0")


def test_a_refusal_inside_a_body_shows_the_line(notebook):
    check(
        notebook.fail("%%flow etl\nx = number(1)\ny = double(x, 2)", "a"),
        "Cell In[",
        "line 3",
        "y = double(x, 2)",
        "ArgumentError: task 'double'",
    )


@pytest.mark.parametrize("magic", ["%%flow etl", "%%resource box"])
def test_a_body_that_is_no_python_shows_the_place(notebook, magic):
    shown = notebook.fail(f"{magic}\nx = 1\ny = number(1", "a")
    check(shown, "Cell In[", "line 3", "    y = number(1", "^", "SyntaxError: '(' was never closed")
    assert shown.traceback.count("\n") < 8


def test_a_syntax_error_at_run_time_of_a_body(notebook):
    check(
        notebook.fail("%%flow etl\nx = eval('1 +')", "a"), "line 2", "SyntaxError: invalid syntax"
    )


@pytest.mark.parametrize("line", ["%flow run etl", "%%flow etl --run\nz = number(1)\ny = bad(4)"])
def test_a_failed_task_shows_its_own_lines(notebook, line):
    notebook.run(
        "def helper(n):\n    return n / 0\n\n@task\ndef bad(n):\n    return helper(n)", "b"
    )
    notebook.run("%%flow etl\ny = bad(3)", "a")
    shown = notebook.fail(line, "a")
    check(
        shown,
        "Cell In[",
        "line 6, in bad",
        "return helper(n)",
        "line 2, in helper",
        "ZeroDivisionError: division by zero",
        "FlowFailed: flow 'etl' failed: task 'bad': ZeroDivisionError: division by zero",
    )
    assert shown.message == "flow 'etl' failed: task 'bad': ZeroDivisionError: division by zero"
    assert "/tmp" not in shown.traceback


def test_raise_for_failure_in_a_plain_cell(notebook):
    notebook.run("%%flow etl\ny = boom()", "a")
    check(
        notebook.fail("state = etl.run()\nstate.raise_for_failure()"),
        "in boom",
        "ValueError: no luck",
        "FlowFailed: ",
    )


def test_a_task_that_asks_resnb_for_what_it_has_not(notebook):
    notebook.run("@task\ndef ask(): return later.value")
    notebook.run("%%flow etl\nx = ask()\nlater = number(1, upstream_tasks=[x])", "a")
    check(notebook.fail("%flow run etl"), "in ask", "NoValueError: task 'number' has no value yet")


def test_a_failed_set_up_shows_the_users_lines(notebook):
    notebook.run("%%resource box\nx = 1\ny = x / 0\nyield y")
    notebook.run("%%flow etl --with box as b\nu = use(b)", "a")
    check(
        notebook.fail("%flow run etl"),
        "line 3, in box",
        "y = x / 0",
        "FlowFailed: flow 'etl' failed: task 'box.setup': ZeroDivisionError",
    )


def test_an_error_with_a_cause_shows_both(notebook):
    notebook.run(
        """
        @task
        def bad():
            try:
                later.value
            except Exception as error:
                raise KeyError("outer") from error
        """
    )
    notebook.run("%%flow etl\nx = bad()\nlater = number(1, upstream_tasks=[x])", "a")
    check(notebook.fail("%flow run etl"), "NoValueError", "direct cause", "KeyError: 'outer'")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("number(1)", "OutsideFlowError: task 'number' was called outside a flow"),
        ("Cluster.map([2])", "OutsideFlowError: resource 'Cluster' was mapped outside a flow"),
        ("with Flow('f') as f:\n    f.run()", "RunError: flow 'f' cannot run inside its own"),
    ],
)
def test_errors_in_plain_cells_name_the_cell(notebook, source, message):
    shown = notebook.fail(source)
    check(shown, "Cell In[", source.splitlines()[-1].strip(), message)
    assert "/tmp" not in shown.traceback


def test_errors_about_a_line_are_that_line_only(notebook):
    shown = notebook.fail("%flow run nothing")
    assert (
        shown.traceback == "MagicError: there is no flow 'nothing'; build one with %%flow nothing"
    )


def test_values_on_a_run_line_are_user_code(notebook):
    notebook.run("%%flow etl(n=1)\nx = number(n)", "a")
    check(notebook.fail("%flow run etl n=1/0"), "ZeroDivisionError: division by zero")


def test_arguments_of_with_are_user_code(notebook):
    check(
        notebook.fail("%%flow etl --with Cluster(1/0) as c\nx = number(1)", "a"),
        "ZeroDivisionError: division by zero",
    )


def test_an_exception_group_of_a_task(notebook):
    notebook.run(
        """
        @task
        async def several():
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())

        async def fail():
            raise ValueError("one of them")
        """
    )
    notebook.run("%%flow etl\nx = several()", "a")
    check(notebook.fail("%flow run etl"), "ExceptionGroup", "ValueError: one of them", "FlowFailed")
