"""The names that users of Prefect 2 and 3 write in and around ``@flow`` functions."""

import threading

import pytest

import resnb
from resnb import (
    Flow,
    LocalExecutor,
    ThreadExecutor,
    allow_failure,
    as_completed,
    callback_factory,
    exponential_backoff,
    flow,
    task,
    unmapped,
    wait,
)
from resnb.errors import GraphError, OptionError
from resnb.states import Failed, Success

EXECUTORS = pytest.mark.parametrize("executor", [ThreadExecutor(), LocalExecutor()], ids=repr)


@task
def double(x):
    return 2 * x


@task
def fail(x=0):
    raise ValueError(f"no {x}")


# ---- futures


@EXECUTORS
def test_the_states_of_what_was_submitted_and_mapped(executor):
    @flow(executor=executor)
    def main():
        return (
            double.submit(2, return_state=True),
            fail.submit(return_state=True),
            double.map([1, 2], return_state=True),
        )

    one, bad, several = main()
    value = one.result()  # what pytest makes of an assert is no call of a method
    assert (value, one.result, one.is_completed(), one.is_final()) == (4, 4, True, True)
    assert bad.is_failed()
    with pytest.raises(ValueError, match="no 0"):
        bad.result()
    error = bad.result(raise_on_failure=False)
    values = [state.result() for state in several]
    assert (str(error), values) == ("no 0", [2, 4])


@EXECUTORS
def test_waiting_for_several_futures(executor):
    @flow(executor=executor)
    def main():
        futures = double.map([1, 2, 3])
        done, others = wait(futures)
        return done == set(futures), others, sorted(one.result() for one in as_completed(futures))

    assert main() == (True, set(), [2, 4, 6])
    assert wait([]) == (set(), set())
    assert list(as_completed([])) == []


def test_what_ends_first_comes_first_and_waits_are_bounded():
    gate = threading.Event()

    @task
    def gated(number):
        if not number:
            gate.wait(30)
        return number

    @flow
    def main():
        futures = gated.map([0, 1])
        _, others = wait(futures, timeout=0)
        with pytest.raises(TimeoutError, match="of 2 tasks have not ended within 0 s"):
            list(as_completed(futures, timeout=0))
        first = next(as_completed(futures)).result()
        gate.set()
        return first, [one.result() for one in as_completed(futures)], futures[0] in others

    assert main() == (1, [1, 0], True)


@EXECUTORS
def test_a_failure_that_is_allowed(executor):
    @task
    def shown(x, others=()):
        return str(x)

    @flow(executor=executor)
    def main():
        bad, good = fail.submit(), double.submit(1)
        one = shown.submit(allow_failure(bad))
        both = shown.submit(allow_failure(bad), good)
        several = shown.map(allow_failure([bad, good]), unmapped([1]))
        not_allowed = shown.submit(allow_failure(bad), fail.submit(1), return_state=True)
        value = shown(allow_failure(bad))
        return one, both, several, not_allowed.name, value

    assert main() == ("no 0", "no 0", ["no 0", "2"], "TriggerFailed", "no 0")


def test_a_built_flow_has_triggers_for_that():
    with Flow("f") as built, pytest.raises(GraphError, match=r"trigger=triggers\.all_finished"):
        double(allow_failure(1))
    assert not built.tasks


@EXECUTORS
def test_any_iterable_is_mapped_over(executor):
    @flow(executor=executor)
    def main():
        return double.map(n for n in range(2)), double.map({5}), double.map(range(1))

    assert main() == ([0, 2], [10], [0])


# ---- options


@pytest.mark.parametrize(
    ("delays", "pauses"),
    [([0.0, 0.001], [0.0, 0.001]), ([0.002], [0.002] * 3), (exponential_backoff(0.001), [0.001])],
)
def test_pauses_between_tries(delays, pauses):
    from resnb.run.scheduling.outcome import pause_after

    tried = task(lambda: 1, retries=3, retry_delay_seconds=delays)
    assert [pause_after(tried, tries) for tries in range(1, 1 + len(pauses))] == pauses
    assert exponential_backoff(10)(3) == [10, 20, 40]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry_delay_seconds": []}, "retry_delay=\\[\\] has no duration"),
        ({"retry_delay_seconds": ["x"]}, "retry_delay"),
        ({"retry_condition_fn": 5}, "retry_condition_fn takes a function, not 5"),
        ({"on_running": 5}, "on_running takes functions, not 5"),
    ],
)
def test_options_of_the_wrong_kind(options, message):
    with pytest.raises(OptionError, match=message):
        task(lambda: 1, **options)


@EXECUTORS
def test_a_condition_for_another_try(executor):
    tries = []

    def again(_task, _run, state):
        try:
            state.result()
        except ValueError as error:
            return "temporary" in str(error)

    @task(retries=5, retry_condition_fn=again)
    def unsteady():
        tries.append(1)
        raise ValueError("temporary" if len(tries) < 3 else "for good")

    @flow(executor=executor)
    def main():
        unsteady()

    with pytest.raises(ValueError, match="for good"):
        main()
    assert len(tries) == 3


def test_a_condition_that_raises_fails_the_task():
    def broken():
        raise KeyError("here")

    with Flow("f") as built:
        bad = task(lambda: 1 / 0, name="t", max_retries=3, retry_condition_fn=broken)()
    state = built.run()
    assert state.result[bad].message == "its retry_condition_fn raised KeyError: 'here'"


@EXECUTORS
def test_hooks_for_the_beginning(executor):
    seen = []

    @task(on_running=[lambda task, run, state: seen.append((task.name, run.name, state.name))])
    def noted(n):
        return n

    @flow(
        executor=executor,
        flow_run_name="day {day}",
        on_running=lambda flow, run, state: seen.append((flow.name, state.name)),
    )
    def main(day):
        noted(day)
        noted.submit(day).wait()

    main("monday")
    assert seen == [("main", "Running"), *[("noted", "day monday", "Running")] * 2]


def test_the_function_and_copies_with_options():
    @flow(retries=2, description="what it does")
    def main(x):
        """Else."""
        return x + 1

    other = main.with_options(name="other", retries=0)
    assert (main.fn(1), main.fn, double.fn(4)) == (2, main.function, 8)
    assert (other.name, other.retries, other(1), main.retries) == ("other", 0, 2, 2)
    assert main.__doc__ == other.__doc__ == "what it does"
    assert double.with_options(retries=3, description="d").description == "d"


def test_options_that_ask_for_nothing():
    @flow(task_runner=None, persist_result=False, validate_parameters=False, version=None)
    def main():
        return double(1)

    assert main() == 2
    with pytest.raises(OptionError, match="task 'double' has no option 'cache_policy', which Pre"):
        double.with_options(cache_policy=object())


# ---- states


def test_a_result_that_can_be_called_is_called():
    zero, five = Success(result=int).result(), Success(result=5).result()
    assert (zero, five, Success(result=[1]).result) == (0, 5, [1])
    with pytest.raises(KeyError):
        Failed(result=KeyError("x")).result()
    assert isinstance(Failed(result=KeyError("x")).result, KeyError)


def test_a_callback_for_some_states():
    seen = []
    handler = callback_factory(
        lambda subject, state: seen.append((subject.name, state.name)),
        check=lambda state: state.is_failed(),
    )
    with Flow("f") as built:
        bad = task(lambda: 1 / 0, name="bad", state_handlers=[handler])()
        double(1, task_args={"state_handlers": [handler]})
    built.run()
    assert seen == [("bad", "Failed")]
    assert resnb.context.get("flow_name") is None
    assert bad.state.is_failed()
