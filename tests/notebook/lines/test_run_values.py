"""The values on a ``%flow run`` line: expressions of the notebook."""

import pytest

from resnb import Flow, Parameter
from resnb.errors import MagicError
from resnb.notebook.commands import flow as flow_command
from resnb.notebook.session import Session


@pytest.fixture
def run(monkeypatch):
    """Carries out a line on the flow ``trip``; gives the parameters that it ran with."""
    with Flow("trip") as flow:
        by = Parameter("by", default="carrier")
    monkeypatch.setattr(flow_command, "show_flow", lambda _: None)
    session = Session({"trip": flow, "column": "origin"})

    def run(line):
        flow_command.flow_command(session, line)
        return by.value

    return run


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("run trip", "carrier"),
        ("run trip by='dest'", "dest"),
        ("run trip by=column.upper()", "ORIGIN"),
        ("run trip by=[n for n in (1, 2)]", [1, 2]),
    ],
)
def test_values_are_expressions_of_the_notebook(run, line, value):
    assert run(line) == value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "run trip by=origin",
            "%flow run: by=origin: name 'origin' is not defined; text goes in quotes: by='origin'",
        ),
        ("run trip by=len(x)", "%flow run: by=len(x): name 'x' is not defined"),
    ],
)
def test_a_name_that_is_not_there_is_said_in_a_line(run, line, message):
    with pytest.raises(MagicError) as refused:
        run(line)
    assert str(refused.value) == message


def test_other_errors_are_the_users_own(run):
    with pytest.raises(ZeroDivisionError):
        run("run trip by=1/0")
