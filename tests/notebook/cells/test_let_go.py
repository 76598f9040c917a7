"""Flows with ``keep_values="terminal"`` that are built and run cell by cell."""

from resnb import Flow, task
from resnb.elsewhere import LetGo
from resnb.notebook.cells.cell_runs import run_part
from resnb.notebook.cells.freshness import Freshness, is_up_to_date, stale_run, state_but
from resnb.notebook.widget.tasks import NO_VALUE, value_of
from resnb.run.memory import memory_of

CALLS = []


@task
def load():
    CALLS.append("load")
    return [1]


@task
def more(rows):
    CALLS.append("more")
    return [*rows, 2]


def gone(task):
    return isinstance(task.state.kept, LetGo)


def ran():
    found = list(CALLS)
    CALLS.clear()
    return found


def test_the_value_of_an_earlier_cell_goes_when_the_cell_that_reads_it_has_run():
    ran()
    with Flow("etl", keep_values="terminal") as flow:
        first = load()
    run_part(flow, [first], [])
    assert first.value == [1]
    with flow:
        second = more(first)
    run_part(flow, [second], [])
    assert (ran(), gone(first), second.value) == (["load", "more"], True, [1, 2])
    with flow:  # a cell that reads it again: it is neither fresh nor missing, but made again
        third = more(first)
    run_part(flow, [third], [])
    assert (ran(), second.value, third.value) == (["load", "more"], [1, 2], [1, 2])


def test_a_value_that_another_cell_is_yet_to_read_stays():
    with Flow("etl", keep_values="terminal") as flow:
        first = load()
        one, other = more(first), more(first)
    ran()
    run_part(flow, [one], [])
    assert (first.value, one.value, ran()) == ([1], [1, 2], ["load", "more"])
    run_part(flow, [other], [])
    assert (other.value, ran()) == ([1, 2], ["more"])


def test_a_stale_run_makes_again_what_it_reads_and_takes_what_it_does_not_as_done():
    with Flow("etl", keep_values="terminal") as flow:
        first = load()
        second = more(first)
        third = more(second)
    freshness = Freshness()
    flow.run()
    freshness.note(flow)
    assert ran() == ["load", "more", "more"]
    assert stale_run(freshness, flow, {}) is None
    assert is_up_to_date(flow, state_but(flow, (), {}))
    state = flow.run(task_states=state_but(flow, [third], {}))
    assert (state.is_successful(), ran(), third.value) == (
        True,
        ["load", "more", "more"],
        [1, 2, 2],
    )


def test_a_preview_shows_that_a_value_was_let_go():
    with Flow("etl", keep_values="terminal") as flow:
        first = load()
        more(first)
    flow.run()
    found = value_of(first, memory_of(flow))
    assert found is not NO_VALUE
    assert repr(found) == "<let go: what reads it has ended>"
