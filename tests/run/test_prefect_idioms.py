"""Lines that users of Prefect 1.x write, and what of Prefect is left out with what to do instead."""

from datetime import UTC, datetime, timedelta

import pytest

import resnb
from resnb import (
    DateTimeParameter,
    FilterTask,
    Flow,
    LocalExecutor,
    Parameter,
    Task,
    apply_map,
    case,
    defaults_from_attrs,
    flatten,
    get_run_logger,
    merge,
    signals,
    tags,
    task,
    unmapped,
    unsupported,
)
from resnb.errors import GraphError, OptionError, OutsideFlowError


@task
def inc(x, by=1):
    return x + by


@task
def give(value=None):
    return value


def ran(flow, **options):
    return flow.run(executor=LocalExecutor(), **options)


# ---- names that were imported by their path


def test_modules_that_were_imported_by_their_path():
    from resnb.signals import FAIL, RETRY, SKIP, SUCCESS, TRIGGERFAIL
    from resnb.states import Failed, Success
    from resnb.triggers import all_successful

    assert [
        getattr(signals, name) for name in ("FAIL", "RETRY", "SKIP", "SUCCESS", "TRIGGERFAIL")
    ] == [FAIL, RETRY, SKIP, SUCCESS, TRIGGERFAIL]
    assert Failed().is_failed()
    assert Success().is_successful()
    assert resnb.triggers.all_successful is all_successful


@pytest.mark.parametrize(("module", "table"), [("signals", "SIGNALS"), ("triggers", "TRIGGERS")])
def test_names_that_are_left_out_say_what_to_do(module, table):
    for name, remedy in getattr(unsupported, table).items():
        with pytest.raises(AttributeError, match=f"{name}.*which Prefect has: {remedy[:20]}"):
            getattr(getattr(resnb, module), name)
    with pytest.raises(AttributeError, match=r"has no 'nonsense'$"):
        _ = getattr(resnb, module).nonsense


# ---- options that are left out


@pytest.mark.parametrize("name", unsupported.TASK_OPTIONS)
def test_options_of_a_task_that_are_left_out(name):
    with pytest.raises(OptionError, match=f"task '.*' has no option '{name}', which Prefect has: "):
        task(lambda: 1, **{name: "x"})
    for nothing in (None, False):
        assert task(lambda: 1, **{name: nothing}).run() == 1


@pytest.mark.parametrize("name", unsupported.FLOW_OPTIONS)
def test_options_of_a_flow_that_are_left_out(name):
    with pytest.raises(OptionError, match=f"flow 'f' has no option '{name}', which Prefect has: "):
        Flow("f", **{name: "x"})
    assert Flow("f", **{name: None}).name == Flow("f", **{name: False}).name == "f"


@pytest.mark.parametrize("name", ["schedule", "run_config", "storage"])
def test_attributes_of_a_flow_that_are_left_out_are_not_set_in_vain(name):
    with pytest.raises(OptionError, match=f"no '{name}', which Prefect has"):
        setattr(Flow("f"), name, 1)
    flow = Flow("f")
    setattr(flow, name, None)
    assert getattr(flow, name) is None


@pytest.mark.parametrize("name", unsupported.FLOW_METHODS)
def test_methods_of_a_flow_that_are_left_out(name):
    with pytest.raises(AttributeError, match=f"no '{name}', which Prefect has: "):
        getattr(Flow("f"), name)


@pytest.mark.parametrize("name", unsupported.RUN_OPTIONS)
@pytest.mark.parametrize("way", ["run", "start"])
def test_options_of_a_run_that_are_left_out(name, way):
    with Flow("f") as flow:
        give()
    with pytest.raises(OptionError, match=f"no option '{name}', which Prefect has: "):
        getattr(flow, way)(**{name: "x"})


def test_what_a_run_does_in_any_case_may_be_asked_for():
    with Flow("f") as flow:
        value = give(1)
    state = flow.run(return_tasks=[], return_failed=True)
    assert state.result[value].result == 1


def test_a_parameter_may_be_called_like_an_option_that_is_left_out():
    with Flow("f") as flow:
        value = inc(Parameter("context"))
    assert ran(flow, context=1).result[value].result == 2


def test_an_option_nobody_has_gets_the_nearest_one():
    with pytest.raises(OptionError, match="no option 'on_fail'; did you mean 'on_failure'"):
        Flow("f", on_fail=print)


# ---- tasks


def test_a_plain_task_does_nothing():
    with Flow("f") as flow:
        start, end = Task("start"), Task("end", tags=["last"])
        flow.chain(start, inc(1), end)
    state = ran(flow)
    assert state.is_successful()
    assert state.result[end].result is None


def test_a_subclass_with_defaults_from_its_attributes():
    class Add(Task):
        def __init__(self, x=None, y=None, **options):
            self.x, self.y = x, y
            super().__init__(**options)

        @defaults_from_attrs("x", "y")
        def run(self, x=None, y=None):
            return x, y

    with Flow("f") as flow:
        add = Add(x=1, y=2, name="add")
        both, one, none = add(), add(y=5), add(x=None)
    states = ran(flow).result
    assert [states[one].result for one in (both, one, none)] == [(1, 2), (1, 5), (None, 2)]


def test_a_task_may_use_its_logger(capsys):
    class Speaks(Task):
        def run(self):
            self.logger.info("from %s", self.name)
            assert self.logger is resnb.context["logger"] is get_run_logger()

    with Flow("f") as flow:
        Speaks()()
    assert ran(flow).is_successful()
    assert capsys.readouterr().err == "INFO: from Speaks\n"


def test_a_task_may_have_a_logger_of_its_own():
    import logging

    own = Task("t")
    own.logger = logging.getLogger("mine")
    assert own.copy().logger is own.logger


def test_a_logger_may_have_a_name(capsys):
    @task
    def says():
        get_run_logger("mine").info("hello")

    with Flow("f") as flow:
        says()
    flow.run(executor=LocalExecutor())
    assert capsys.readouterr().err == "INFO: hello\n"


@pytest.mark.parametrize("given", [(), (None,)])
def test_a_flow_takes_no_schedule_where_prefect_has_it(given):
    assert Flow("f", *given).name == "f"
    with pytest.raises(OptionError, match="flow 'f' has no option 'schedule', which Prefect has"):
        Flow("f", object())


def test_pipe():
    with Flow("f") as flow:
        value = inc(1).pipe(inc).pipe(inc, by=10)
    assert ran(flow).result[value].result == 13


def test_tags_around_a_definition_and_around_a_call():
    with tags("made"):
        definition = Task("t")
    with Flow("f") as flow, tags("called"):
        handle = definition()
    assert handle.tags == {"made", "called"}
    assert flow.get_tasks(tags=["made", "called"]) == [handle]
    assert flow.get_tasks(tags=["other"]) == []


def test_retry_at_a_time():
    for start in (datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC).replace(tzinfo=None)):
        delay = signals.RETRY("later", start_time=start).delay
        assert delay == 0 or 3500 < delay <= 3600
    assert signals.RETRY().delay is None


# ---- the context


# ---- parameters


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:30:00+00:00", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_date_as_parameter(given, found):
    with Flow("f") as flow:
        when = DateTimeParameter("when", required=False)
        value = give(when)
    assert ran(flow, when=given).result[value].result == found
    assert ran(flow).result[value].result is None


def test_a_date_that_is_none():
    with Flow("f") as flow:
        DateTimeParameter("when")()
    with pytest.raises(OptionError, match="'when': 'soon' is no date and time by ISO 8601"):
        ran(flow, when="soon")
    with pytest.raises(OptionError, match="needs parameter 'when'"):
        ran(flow)


def test_a_parameter_under_another_name():
    one = Parameter("one", default=1)
    with Flow("f") as flow:
        total = inc(one, by=one.copy("two"))
    assert ran(flow, two=5).result[total].result == 6
    with pytest.raises(GraphError, match="must be a Python identifier"):
        one.copy("no name")


# ---- FilterTask


def test_filter_keeps_what_is_neither_an_exception_nor_none():
    @task
    def some(x):
        if x == 2:
            raise ValueError(x)
        return None if x == 3 else x

    with Flow("f") as flow:
        kept = FilterTask()(some.map([1, 2, 3, 4]))
        positive = FilterTask(filter_func=lambda x: x > 0)(give([-1, 1]))
    states = ran(flow).result
    assert states[kept].result == [1, 4]
    assert states[positive].result == [1]


def test_filter_may_log(capsys):
    with Flow("f") as flow:
        FilterTask(log_func=lambda values: f"{len(values)} in all", name="kept")(give([1, None]))
    ran(flow)
    assert capsys.readouterr().err == "INFO: 1 in all\n"


# ---- imperative flows


def test_a_flow_put_together_by_hand():
    flow = Flow("f")
    two, three = Task("two"), inc.copy(name="three")
    flow.set_dependencies(three, upstream_tasks=[two], keyword_tasks={"x": 2}, validate=True)
    flow.set_dependencies(inc.copy(name="after"), keyword_tasks={"x": three})
    assert {(e.upstream_task.name, e.downstream_task.name, e.key) for e in flow.edges} == {
        ("two", "three", None),
        ("three", "after", "x"),
    }
    (after,) = flow.get_tasks(name="after")
    assert ran(flow).result[after].result == 4


def test_replace_puts_one_task_in_the_place_of_another():
    with Flow("f") as flow:
        old = give(1)
        value = inc(old, by=old)
    new = give.copy()
    flow.replace(old, new)
    flow.validate()
    assert old not in flow.tasks
    assert {edge.upstream_task for edge in flow.edges_to(value)} == {new}
    with pytest.raises(GraphError, match="has no task"):
        flow.replace(old, give.copy())


def test_update_may_take_the_reference_tasks_along():
    with Flow("one") as one:
        a = give(1)
        inc(a)
    one.set_reference_tasks([a])
    with Flow("two") as two:
        b = give(2)
    two.update(one, merge_reference_tasks=True)
    assert two.reference_tasks() == {a, b, *one.terminal_tasks()}


# ---- apply_map


def test_apply_map_maps_everything_that_a_function_adds():
    def inc_if_even(x):
        with case(task(lambda x: x % 2 == 0, name="is even")(x), value=True):
            more = inc(x)
        return merge(more, x)

    with Flow("f") as flow:
        value = apply_map(inc_if_even, give([1, 2, 3]))
        other = apply_map(inc_if_even, range(4))
    flow.validate()
    states = ran(flow).result
    assert states[value].result == [1, 3, 3]
    assert states[other].result == [1, 1, 3, 3]


def test_apply_map_leaves_whole_what_is_unmapped():
    with Flow("f") as flow:
        by = give(10)
        value = apply_map(lambda x, by: inc(inc(x, by), by), [1, 2], unmapped(by))
        constant = apply_map(lambda x, by: inc(x, by), [1, 2], by=unmapped(5))
    states = ran(flow).result
    assert states[value].result == [21, 22]
    assert states[constant].result == [6, 7]


def test_apply_map_gathers_collections_item_by_item():
    with Flow("f") as flow:
        value = apply_map(lambda x: give([inc(x), {"x": x, "two": 2}]), give([1, 2]))
    flow.validate()
    assert ran(flow).result[value].result == [[2, {"x": 1, "two": 2}], [3, {"x": 2, "two": 2}]]


def test_apply_map_over_what_apply_map_gave():
    with Flow("f") as flow:
        pair = apply_map(lambda x: (inc(x), inc(inc(x))), [1, 2])
        total = apply_map(lambda both: task(sum)(both), pair)
    assert ran(flow).result[total].result == [5, 7]


def test_apply_map_with_flatten_and_with_arguments_of_different_lengths():
    with Flow("f") as flow:
        flat = apply_map(lambda x: inc(x), flatten(give([[1], [2, 3]])))
        short, long = apply_map(lambda x, y: (inc(x), inc(y)), [1, 2], range(100))
    states = ran(flow).result
    assert states[flat].result == [2, 3, 4]
    assert (states[short].result, states[long].result) == ([2, 3], [1, 2])


def test_a_task_without_arguments_in_apply_map_runs_once_for_each_item():
    with Flow("f") as flow:
        value = apply_map(lambda _x: give(7), [1, 2, 3])
    assert ran(flow).result[value].result == [7, 7, 7]


def test_apply_map_inside_a_scope_and_a_case(things):
    with Flow("f") as flow, case(give(1), 1), things.manager()("x") as thing:
        value = apply_map(lambda x: give([x, thing]), [1, 2])
    flow.validate()
    assert ran(flow).result[value].result == [[1, "x"], [2, "x"]]
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_apply_map_that_raises_leaves_no_trace():
    def fails(x):
        inc(x)
        message = "not like this"
        raise ValueError(message)

    with Flow("f") as flow:
        with pytest.raises(ValueError, match="not like this"):
            apply_map(fails, [1])
        assert flow.tasks == set()
        with pytest.raises(GraphError, match="apply_map cannot map over 5"):
            apply_map(inc, 5)
    with pytest.raises(OutsideFlowError, match="apply_map was called outside a flow"):
        apply_map(inc, [1])
    value = apply_map(lambda x, flow: inc(x, flow=flow), [1], flow=flow)
    assert ran(flow).result[value].result == [2]
