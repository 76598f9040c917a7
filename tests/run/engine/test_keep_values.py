"""``keep_values="terminal"``: a value is let go as soon as its last reader has ended.

Real objects are counted, with the garbage collector off: what is only unreachable would still take
a frame's gigabyte.
"""

import gc
import pickle

import pytest

from resnb import (
    Flow,
    LocalExecutor,
    Parameter,
    ThreadExecutor,
    case,
    merge,
    resource_manager,
    signals,
    task,
    triggers,
    unmapped,
)
from resnb.elsewhere import LetGo
from resnb.errors import NoValueError, OptionError
from resnb.states import Cached, Success
from tests.run.frames import Frame, failing_at_first

pytestmark = pytest.mark.usefixtures("no_collection")
EXECUTORS = [ThreadExecutor(2), LocalExecutor()]


@task
def load():
    return Frame()


@task
def clean(frame):
    assert isinstance(frame, Frame)
    return Frame()


def chain(link=clean, length=6):
    with Flow("etl", keep_values="terminal") as flow:
        handles = [load()]
        for _ in range(length):
            handles.append(link(handles[-1]))
    return flow, handles


def gone(state, handle):
    return isinstance(state.result[handle].kept, LetGo)


# ---- chains never have more than two values


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_a_chain_has_two_values_at_most_and_keeps_the_last(executor):
    flow, handles = chain()
    state = flow.run(executor=executor)
    assert state.is_successful()
    assert (Frame.most, Frame.alive) == (2, 1)
    assert [gone(state, one) for one in handles] == [True] * 6 + [False]
    assert isinstance(handles[-1].value, Frame)


def looping(frame):
    from resnb import context

    if context.task_loop_count < 3:
        raise signals.LOOP(result=Frame())
    return Frame()


async def coroutine(frame):
    return Frame()


def chosen(frame):
    raise signals.SUCCESS("as it were", result=Frame())


LINKS = {
    "a keyword": (lambda *, frame: Frame(), {}),
    "a timeout": (lambda frame: Frame(), {"timeout": 60}),
    "handlers": (lambda frame: Frame(), {"state_handlers": [lambda *_: None]}),
    "a coroutine": (coroutine, {}),
    "a chosen state": (chosen, {}),
    "a failed try": (failing_at_first(), {"max_retries": 1}),
    "a failed try with a timeout": (failing_at_first(), {"max_retries": 1, "timeout": 60}),
}


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
@pytest.mark.parametrize("name", LINKS)
def test_whatever_a_link_takes_besides_a_call(name, executor):
    code, options = LINKS[name]
    one = task(code, name="link", **options)
    flow, _ = chain(lambda frame: one(frame=frame))
    assert flow.run(executor=executor).is_successful()
    assert (Frame.most, Frame.alive) == (2, 1)


def test_the_result_of_a_loop_goes_with_its_task():
    flow, _ = chain(task(looping), length=2)
    assert flow.run().is_successful()
    assert (Frame.most, Frame.alive) == (3, 1)  # what is read, that of the last round, the new one


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_a_failure_keeps_its_lines_and_lets_its_variables_go(executor):
    def fail(frame):
        here = Frame()
        try:
            [here].index(None)
        except ValueError as error:
            raise TypeError("no use") from error

    with Flow("etl", keep_values="terminal") as flow:
        first = load()
        failed = task(fail)(first)
        after = task(lambda error: Frame(), name="after", trigger=triggers.all_finished)(failed)
        last = clean(after)
    state = flow.run(executor=executor, quiet=True)
    assert Frame.alive == 1
    error = state.result[failed].result
    assert (type(error), error.__traceback__.tb_frame.f_code.co_name) == (TypeError, "fail")
    assert (gone(state, first), gone(state, after), gone(state, last)) == (True, True, False)


# ---- what stays


def test_terminal_and_chosen_reference_tasks_and_parameters_stay():
    with Flow("etl", keep_values="terminal") as flow:
        n = Parameter("n", default=4)
        double = task(lambda n: 2 * n, name="double")(n)
        more = task(lambda n: n + 1, name="more")(double)
        side = task(lambda n: -n, name="side")(double)
    flow.set_reference_tasks([double])
    flow.run()
    assert (n.value, double.value, more.value, side.value) == (4, 8, 9, -8)
    flow.set_reference_tasks([])
    flow.run()
    with pytest.raises(NoValueError, match=r"value of task 'double' was let go.*'etl'"):
        assert double.value


def test_a_value_stays_until_its_last_reader_has_ended():
    seen = []

    def reader(kept, *others):
        seen.append(Frame.alive)

    with Flow("etl", keep_values="terminal") as flow:
        first = load()
        one = task(reader, name="one")(first)
        two = task(reader, name="two")(first, upstream_tasks=[one])
        task(reader, name="three")(None, upstream_tasks=[two])
    assert flow.run(executor=LocalExecutor()).is_successful()
    assert (seen, Frame.alive) == ([1, 1, 0], 0)


def test_none_stays_none():
    with Flow("etl", keep_values="terminal") as flow:
        nothing = task(lambda: None, name="nothing")()
        task(lambda given: given, name="after")(nothing)
    flow.run()
    assert nothing.value is None


def test_a_resource_stays_until_its_clean_up_and_frames_in_its_scope_do_not():
    alive = []

    @resource_manager
    class Cluster:
        def setup(self):
            return ["cluster"]

        def cleanup(self, resource):
            alive.append((resource, Frame.alive))

    with Flow("etl", keep_values="terminal") as flow, Cluster() as cluster:
        first = task(lambda c: Frame(), name="first")(cluster)
        last = clean(clean(first))
    assert flow.run().is_successful()
    assert (Frame.most, alive) == (2, [(["cluster"], 1)])
    assert isinstance(last.value, Frame)


def test_branches():
    with Flow("etl", keep_values="terminal") as flow:
        kind = Parameter("kind", default="a")
        with case(kind, "a"):
            one = clean(load())
        with case(kind, "b"):
            other = clean(load())
        both = merge(one, other)
        after = clean(both)
    state = flow.run()
    assert state.result[other].is_skipped()
    assert (Frame.most, isinstance(after.value, Frame)) == (2, True)
    assert (gone(state, one), gone(state, both)) == (True, True)


def test_a_reader_that_was_cancelled_before_reads_nothing():
    with Flow("etl", keep_values="terminal") as flow:
        first = load()
        task(lambda frame: frame, name="after")(first)
    first.on_running = (lambda run: run.cancel(),)
    state = flow.start(quiet=True).wait()
    assert state.is_cancelled()
    assert Frame.alive == 0


# ---- mapped tasks


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
@pytest.mark.parametrize("options", [{}, {"timeout": 60}], ids=["plain", "special"])
def test_the_values_of_children_go_together(executor, options):
    with Flow("etl", keep_values="terminal") as flow:
        frames = task(lambda n: Frame(), name="frames").map([1, 2, 3])
        more = task(lambda frame: Frame(), name="more", **options).map(frames)
        less = task(lambda one, all_of: Frame(), name="less", **options).map(more, unmapped(frames))
        size = task(len, name="size")(less)
        task(lambda number: number, name="last")(size)
    state = flow.run(executor=executor)
    assert state.is_successful()
    assert (Frame.most <= 9, Frame.alive) == (True, 0)
    assert gone(state, size)
    mapped = state.result[more]
    assert [isinstance(one.kept, LetGo) for one in mapped.map_states] == [True] * 3
    with pytest.raises(NoValueError, match="'more' was let go"):
        assert mapped.result
    with pytest.raises(NoValueError, match="'more' was let go"):
        assert more.value


def test_a_list_of_values_that_a_reader_has_kept_is_not_changed():
    with Flow("etl", keep_values="terminal") as flow:
        numbers = task(lambda n: 2 * n, name="numbers").map([1, 2])
        kept = task(lambda numbers: numbers, name="kept")(numbers)
    flow.run()
    assert kept.value == [2, 4]


# ---- what comes after


def test_a_value_that_was_let_go_is_computed_again_where_it_is_needed():
    broken, called = [True], []

    def noting(name, code):
        return lambda *values: (called.append(name), code(*values))[1]

    def sometimes(value):
        if broken[0]:
            raise ValueError("broken")
        return value + 1

    with Flow("etl", keep_values="terminal") as flow:
        far = task(noting("far", lambda: 1), name="far")()
        near = task(noting("near", lambda v: v + 1), name="near")(far)
        last = task(sometimes, name="last")(near)
        other = task(noting("other", lambda v: -v), name="other")(far)
    first = flow.run(quiet=True)
    assert (called, first.is_failed()) == (["far", "near", "other"], True)
    broken[0] = False
    called.clear()
    state = flow.run(task_states=first)
    assert state.is_successful()
    assert called == ["far", "near"]
    assert (last.value, other.value) == (3, -1)
    called.clear()
    again = flow.run(task_states=state)  # nothing is left to run, so nothing is needed
    assert (again.is_successful(), called, last.value) == (True, [], 3)


def test_of_a_mapped_task_that_failed_in_part_all_children_run_again():
    broken = [True]

    def one(n):
        if broken[0] and n == 2:
            raise ValueError("broken")
        return n

    with Flow("etl", keep_values="terminal") as flow:
        children = task(one, name="one").map([1, 2, 3])
        total = task(sum, name="total", trigger=triggers.all_successful)(children)
    first = flow.run(quiet=True)
    broken[0] = False
    state = flow.run(task_states=first)
    assert (state.is_successful(), total.value) == (True, 6)


def test_states_with_values_are_let_go_too_unless_they_are_the_users_own():
    flow, handles = chain(length=2)
    given = Success("", Frame())
    state = flow.run(task_states={handles[0]: given})
    assert (Frame.most, Frame.alive) == (3, 2)
    assert gone(state, handles[0])
    assert isinstance(given.result, Frame)


def test_what_a_state_without_its_value_says():
    flow, handles = chain(length=1)
    state = flow.run()
    one = state.result[handles[0]]
    assert one.is_successful()
    assert repr(one.kept) == "<let go: what reads it has ended>"
    assert one == one  # noqa: PLR0124 - a state without a value compares, too
    assert one != Success()
    assert isinstance(pickle.loads(pickle.dumps(one.kept)), LetGo)
    assert repr(handles[0]).endswith("its value is .value after a run with keep_values='all'>")
    assert isinstance(Cached("", one.kept).kept, LetGo)


def test_the_option_can_be_changed_and_is_checked():
    flow, handles = chain(length=1)
    assert flow.copy().keep_values == "terminal"
    flow.keep_values = "all"
    flow.run()
    assert isinstance(handles[0].value, Frame)
    for wrong in ("none", None, True):
        with pytest.raises(
            OptionError, match=r"flow 'f': keep_values=.* must be 'all' or 'terminal'"
        ):
            Flow("f", keep_values=wrong)
    with pytest.raises(OptionError, match="flow 'etl': keep_values='some'"):
        flow.keep_values = "some"


def test_children_that_need_not_run_again_are_let_go_like_the_others():
    with Flow("etl") as flow:
        frames = task(lambda n: Frame() if n else 1 / n, name="frames").map([1, 0, 2])
        more = task(lambda frames: Frame(), name="more", trigger=triggers.all_finished)(frames)
        last = clean(more)
    first = flow.run(quiet=True)
    flow.keep_values = "terminal"
    state = flow.run(task_states=first, quiet=True)
    assert [one.name for one in state.result[frames].map_states] == ["Success", "Failed", "Success"]
    del first
    gc.collect()  # the record of that run
    assert Frame.alive == 1
    assert isinstance(last.value, Frame)
