"""Whose values nobody reads any more, by the states of those that read them."""

from resnb import Flow, Parameter
from resnb.run.scheduling.compiling import compiled
from resnb.run.scheduling.readers import Readers
from resnb.run.scheduling.state_table import Table
from resnb.states import FAILED, SUCCESS, Success
from tests.run.scheduling.small_flows import Thing, made


class Ends:
    """The readers of one plan, asked as rows end."""

    def __init__(self, flow, given=None, only=None):
        self.plan = compiled(flow, {}, given or {}, only)
        self.table = Table(len(self.plan.tasks))
        for row in self.plan.given:
            self.table.take_over(row, SUCCESS)
        self.readers = Readers(self.plan, self.table)

    def end(self, task, code=SUCCESS):
        row = self.plan.row_of[task]
        self.table.take_over(row, code)
        return [self.plan.tasks[one] for one in self.readers.ended(row)]

    def unread(self):
        return [self.plan.tasks[one] for one in self.readers.unread()]


def test_a_value_is_read_until_the_last_reader_has_ended_however_that_was():
    with Flow("f") as flow:
        a = made("a")()
        b, c = made("b")(a), made("c")(a)
    ends = Ends(flow)
    assert [ends.end(a), ends.end(b, FAILED), ends.end(c)] == [[], [], [a]]


def test_who_only_waits_counts_as_well():
    with Flow("f") as flow:
        a = made("a")()
        b = made("b")(upstream_tasks=[a])
    ends = Ends(flow)
    assert [ends.end(a), ends.end(b)] == [[], [a]]


def test_a_value_that_comes_after_its_readers_have_ended_is_not_read():
    with Flow("f") as flow:
        a = made("a")()
        b = made("b")(a)
    ends = Ends(flow)
    assert [ends.end(b, FAILED), ends.end(a)] == [[], [a]]


def test_parameters_chosen_tasks_and_resources_stay_and_clean_ups_read_nothing():
    with Flow("f") as flow:
        n = Parameter("n", default=1)
        with Thing() as thing:
            a = made("a")(n, thing)
            b = made("b")(a)
            c = made("c")(b)
    flow.set_reference_tasks([b])
    [scope] = flow.scopes
    init, setup, cleanup = scope.own_tasks
    ends = Ends(flow)
    order = [n, init, setup, a, b, c, cleanup]
    assert [ends.end(one) for one in order] == [[], [], [], [], [a], [], []]


def test_given_readers_have_ended_and_given_values_may_be_unread_from_the_start():
    with Flow("f") as flow:
        a = made("a")()
        b, c = made("b")(a), made("c")(a)
        made("d")(b)
    assert Ends(flow, {a: Success(), b: Success()}).unread() == []
    assert Ends(flow, {a: Success(), b: Success(), c: Success()}).unread() == [a]
    ends = Ends(flow, {a: Success(), b: Success()})
    assert ends.end(c) == [a]


def test_in_a_part_what_others_read_stays():
    with Flow("f") as flow:
        a = made("a")()
        b, c = made("b")(a), made("c")(a)
    ends = Ends(flow, only=[a, b])
    assert [ends.end(a), ends.end(b)] == [[], []]
    ends = Ends(flow, only=[a, b, c])
    assert [ends.end(a), ends.end(b), ends.end(c)] == [[], [], [a]]
