"""The options of a task, and what its code accepts."""

from datetime import timedelta
from functools import partial

import pytest

from resnb import Flow, Task, resource_manager, task, triggers
from resnb.errors import GraphError, NoAttributeError, OptionError
from resnb.graph.base.signature import Signature, signature_of
from resnb.states import Success


def work(x):
    return x


def hook(*_):
    return None


@resource_manager
class Box:
    def setup(self):
        return "box"

    def cleanup(self, resource):
        pass


KEPT = [
    ({"retry_delay": "1.5m", "timeout": timedelta(hours=1)}, {"retry_delay": 90, "timeout": 3600}),
    ({"tags": ["a", "b", "a"]}, {"tags": {"a", "b"}}),
    ({"retry_on": KeyError}, {"retry_on": (KeyError,)}),
    ({"retry_on": [KeyError, OSError]}, {"retry_on": (KeyError, OSError)}),
    ({"state_handlers": hook}, {"state_handlers": (hook,)}),
    ({"on_failure": [hook, print]}, {"on_failure": (hook, print)}),
    ({"on_completion": (), "on_cancellation": hook}, {"on_cancellation": (hook,)}),
    ({"max_retries": 0, "nout": 3}, {"max_retries": 0, "nout": 3}),
    ({"trigger": all}, {"trigger": all}),
    ({"skip_on_upstream_skip": False, "thread": "setup"}, {"skip_on_upstream_skip": False}),
    ({"checkpoint": True, "log_stdout": True}, {"checkpoint": True, "log_stdout": True}),
    (
        {"trigger": None, "timeout": None, "tags": None, "retry_on": None, "max_retries": None},
        {
            "trigger": triggers.all_successful,
            "timeout": None,
            "tags": frozenset(),
            "retry_on": None,
            "max_retries": 0,
        },
    ),
]


@pytest.mark.parametrize(("given", "kept"), KEPT)
def test_options_are_kept_in_one_form(given, kept):
    one = task(work, **given)
    assert {name: getattr(one, name) for name in kept} == kept


REFUSED = [
    ({"max_retrys": 1}, "has no option 'max_retrys'; did you mean 'max_retries'?"),
    ({"quux": 1}, "has no option 'quux'; known: name, tags, max_retries"),
    ({"retry_delay": "soon"}, "retry_delay='soon' is no duration: write '30s'"),
    ({"timeout": 0}, "timeout=0 leaves no time to run; use None for no limit"),
    ({"timeout": "-1s"}, "timeout='-1s' is no duration"),
    ({"max_retries": -1}, "max_retries=-1 must be a whole number of at least 0"),
    ({"max_retries": True}, "max_retries=True must be a whole number"),
    ({"nout": 1.5}, "nout=1.5 must be a whole number"),
    ({"tags": "one"}, "tags takes a list of texts; write tags=['one']"),
    ({"tags": 5}, "tags takes a list of texts, not 5"),
    ({"tags": ["a", 5]}, "tags takes a list of texts, not 5"),
    ({"trigger": "all"}, "trigger='all' is not callable; see resnb.triggers"),
    ({"state_handlers": 5}, "state_handlers takes functions, not 5"),
    ({"on_failure": [hook, "x"]}, "on_failure takes functions, not 'x'"),
    ({"retry_on": "KeyError"}, "retry_on takes exception classes, not 'KeyError'"),
    ({"retry_on": [KeyError, 5]}, "retry_on takes exception classes, not 5"),
    ({"retry_on": KeyError()}, "retry_on takes exception classes, not KeyError()"),
    ({"thread": "main"}, "thread='main' must be 'worker' or 'setup'"),
    ({"name": 5}, "name=5 must be a text that is not empty"),
    ({"name": " "}, "name=' ' must be a text that is not empty"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_a_wrong_option_is_refused_and_named(given, message):
    with Flow("f") as flow, pytest.raises(OptionError) as caught:
        task(work)(1, task_args=given)
    assert message in str(caught.value)
    assert "'work'" in str(caught.value)
    assert not flow.tasks


@pytest.mark.parametrize(("given", "message"), REFUSED[:-2])
@pytest.mark.parametrize("form", ["decorator", "class"])
def test_and_so_it_is_in_a_definition(form, given, message):
    with pytest.raises(OptionError) as caught:
        task(**given)(work) if form == "decorator" else type("T", (Task,), {"run": work})(**given)
    assert message in str(caught.value)


def test_both_forms_of_the_decorator():
    @task
    def plain():
        """What it does."""

    @task(name="renamed", max_retries=1)
    def other():
        pass

    assert (plain.name, plain.__doc__) == ("plain", "What it does.")
    assert plain.__wrapped__ is plain.run
    assert (other.name, other.max_retries) == ("renamed", 1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "@task decorates a function, not 5"),
        (task(work), "@task decorates a function, and 'work' is a task already"),
    ],
)
def test_only_functions_can_be_decorated(value, message):
    with pytest.raises(GraphError, match=message):
        task(value)


def test_a_task_without_code_marks_a_place():
    class Nothing(Task):
        pass

    assert Nothing().run() is None
    assert Task("start").run() is None


@pytest.mark.parametrize("name", ["flow", "mapped", "task_args", "upstream_tasks"])
@pytest.mark.parametrize("kind", ["", "*, "])
def test_a_parameter_of_the_code_cannot_be_called_like_an_option_of_the_call(name, kind):
    with pytest.raises(GraphError, match=f"'t': a parameter.*'{name}'"):
        task(eval(f"lambda {kind}{name}: 0"), name="t")
    one = task(partial(eval(f"lambda {kind}{name}, x: 0"), x=1), name="t")  # has no code to look at
    for _ in range(2):
        with Flow("f"), pytest.raises(GraphError, match=f"'t': a parameter.*'{name}'"):
            one(1)


# ---- signatures


def everything(a, b=1, *c, d, e=2, **f):
    return a, b, c, d, e, f


class Asynchronous:
    async def __call__(self, a):
        return a


class Opaque:
    __signature__ = 5

    def __call__(self):
        pass


SIGNATURES = [
    (
        lambda: 0,
        Signature((), frozenset(), frozenset(), None, None, asynchronous=False, by_position=0),
    ),
    (
        everything,
        Signature(("a", "b"), frozenset("de"), frozenset("ad"), "c", "f", asynchronous=False),
    ),
    (
        Asynchronous(),
        Signature(
            ("a",), frozenset(), frozenset("a"), None, None, asynchronous=True, by_position=1
        ),
    ),
    (
        Asynchronous().__call__,
        Signature(
            ("a",), frozenset(), frozenset("a"), None, None, asynchronous=True, by_position=1
        ),
    ),
    (
        Opaque(),  # what cannot be inspected accepts anything
        Signature((), frozenset(), frozenset(), "args", "kwargs", asynchronous=False),
    ),
]


@pytest.mark.parametrize(("code", "expected"), SIGNATURES)
def test_signatures(code, expected):
    assert signature_of(code) == expected


def takes(a, b=0, *, c=0):
    return a, b, c


CALLS = {
    "too many": (lambda t: t(1, 2, 3), "takes 2 arguments (a, b), but 3 were given"),
    "none": (lambda t: t(), "is missing argument 'a'"),
    "too few": (lambda t: t(b=1), "is missing argument 'a'"),
    "bound": (lambda t: t.copy().bind(), "is missing argument 'a'"),
    "twice": (lambda t: t(1, a=2), "got argument 'a' twice"),
    "unknown": (lambda t: t(1, d=2), "has no parameter 'd' (its parameters: a, b, c)"),
    "mapped": (lambda t: t.map([1], d=[2]), "has no parameter 'd'"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_missing_or_surplus_argument_is_refused(name):
    call, message = CALLS[name]
    with Flow("f") as flow, pytest.raises(OptionError) as caught:
        call(task(takes))
    assert f"task 'takes' {message}" in str(caught.value)
    assert not flow.tasks


@pytest.mark.parametrize(
    ("name", "accepted"), [("a", True), ("c", True), ("d", False), ("self", False)]
)
def test_which_keys_an_edge_may_have(name, accepted):
    assert signature_of(takes).accepts(name) is accepted
    assert signature_of(lambda **_: 0).accepts(name)


MISPLACED = [
    (lambda: task(ttl="2h")(work), "did you mean Manager.options(ttl=...)(...)?"),
    (
        lambda: task(executor=1)(work),
        "did you mean Flow(..., executor=...), @flow(executor=...) or flow.run(executor=...)?",
    ),
    (lambda: Flow("f", max_retries=2), "did you mean @task(max_retries=...)?"),
    (
        lambda: resource_manager(max_retries=2),
        "or @resource_manager(setup_task_kwargs={'max_retries': ...})?",
    ),
    (
        lambda: resource_manager(thread="setup"),
        "did you mean @task(thread='setup') for each task that must run where set-up ran?",
    ),
    (lambda: Box().open(ttl="2h"), "did you mean Box.options(ttl=...)(...)?"),
    (lambda: Box().open(nmae="box"), "did you mean 'name'?"),
    (lambda: Box().options(ttl="2h"), "write Box.options(...)(...)"),
    (lambda: Flow("f").run(keep=1), "did you mean Manager.options(keep=...)(...)?"),
    (lambda: Flow("f").run(executr=1), "did you mean 'executor'?"),
    (lambda: task(retires=2)(work), "did you mean 'max_retries'?"),
]


@pytest.mark.parametrize(("line", "hint"), MISPLACED, ids=[hint for _, hint in MISPLACED])
def test_an_option_in_the_wrong_place_is_refused_with_the_right_one(line, hint):
    with pytest.raises((OptionError, NoAttributeError)) as caught:
        line()
    assert str(caught.value).endswith(hint)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["cleanup_timeout", "ttl"])
def test_a_limit_that_leaves_no_time_is_refused(name):
    with pytest.raises(OptionError, match=f"{name}='0s' leaves no time"):
        Box.options(**{name: "0s"})


@pytest.mark.parametrize("states", [5, [], {"work": Success()}, {5: None}])
def test_what_are_no_states_of_tasks_is_refused(states):
    with Flow("f") as flow:
        one = task(work)(1)
    with pytest.raises(OptionError, match="has to be the state of an earlier run, or a mapping"):
        flow.run(task_states=states)
    with pytest.raises(OptionError, match="'work'"):
        flow.start(task_states={one: 1})
    assert flow.run(task_states={one: Success("", 7)}).result[one].result == 7
