"""A run that nobody looks at says on stderr what failed; tasks that are not added are warned of."""

import asyncio

import pytest

from resnb import Flow, LocalExecutor, Parameter, Task, flow, task
from resnb.errors import OptionError


@task
def invert(x):
    return 1 / x


def failing():
    with Flow("etl") as etl:
        invert(invert(0))
        invert.map([0, 1, 0])
    return etl


LINE = "task 'invert': ZeroDivisionError: division by zero (line 13 of test_failure_line.py)"


def test_a_failed_run_says_what_failed_first_and_where(capsys):
    state = failing().run(executor=LocalExecutor())
    assert state.is_failed()
    assert capsys.readouterr().err == f"flow 'etl' failed: {LINE} (and 2 more)\n"


def test_quiet_turns_it_off(capsys):
    assert failing().run(quiet=True).is_failed()
    assert not capsys.readouterr().err


def test_a_parameter_may_be_called_quiet(capsys):
    with Flow("etl") as etl:
        invert(Parameter("quiet"))
    assert etl.run(quiet=0).is_failed()
    assert LINE in capsys.readouterr().err


def test_whoever_waits_for_a_run_in_the_background_is_told_once(capsys):
    run = failing().start()
    run.wait()
    run.wait()
    assert capsys.readouterr().err.count("flow 'etl' failed: ") == 1


def test_an_awaited_run(capsys):
    asyncio.run(failing().run_async())
    assert "flow 'etl' failed: " in capsys.readouterr().err


def test_the_run_of_a_function(capsys):
    @flow
    def etl():
        invert(0)

    assert etl.run().is_failed()
    where = "(line 13 of test_failure_line.py)"
    assert capsys.readouterr().err == (
        f"flow 'etl' failed: ZeroDivisionError: division by zero {where}\n"
    )
    assert etl.run(quiet=True).is_failed()
    assert not capsys.readouterr().err


def test_a_run_that_succeeds_says_nothing(capsys):
    with Flow("etl") as etl:
        invert(1)
    etl.run()
    assert not capsys.readouterr().err


class Load(Task):
    def run(self):
        return 1


def test_tasks_that_were_made_in_the_block_and_not_added():
    etl = Flow("etl")

    def build():
        with etl:
            Load()
            Load(name="late")
            Load()()
            invert(Load(name="argument"))
            etl.add_task(Load(name="added"))
            task(lambda: 1, name="a definition")

    with pytest.warns(UserWarning, match="created but not added to flow 'etl': 'Load', 'late'"):
        build()
    assert len(etl.nodes) == 4


def test_a_parameter_that_nothing_uses_needs_no_value():
    with Flow("etl") as etl:
        Parameter("n")
        invert(1)
    assert etl.run().is_successful()
    assert etl.run(n=3).is_successful()


USED = {
    "by a task": invert,
    "called": lambda n: n(),
    "added": lambda n: n.flow.add_task(n),
}


@pytest.mark.parametrize("use", USED.values(), ids=USED)
def test_one_that_is_used_or_added_does(use):
    with Flow("etl") as etl:
        use(Parameter("n"))
    with pytest.raises(OptionError, match="needs parameter 'n'"):
        etl.run()
