"""Random flows, run for real, against the reference interpreter and against what their code saw."""

import threading
from collections import Counter

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from resnb import LocalExecutor, ThreadExecutor
from resnb.elsewhere import LetGo
from resnb.states import has_let_go
from tests.stateful.reference import (
    OVERRUN,
    Scope,
    Step,
    allowed_after_cancel,
    expected,
    flow_state,
    run_again,
    wired,
)
from tests.stateful.specs import descriptions
from tests.stateful.worlds import KEEPER, World, plain

EXECUTORS = {"local": LocalExecutor, "threads": lambda: ThreadExecutor(max_workers=3)}
MANY = settings(max_examples=max(80, settings().max_examples))
SOME = settings(max_examples=max(30, settings().max_examples))  # each is two runs
SILENT = ("case", "merge")  # kinds of steps whose code is resnb's own


@pytest.fixture(params=EXECUTORS, scope="module")
def executor(request):
    return EXECUTORS[request.param]


# ---- states and values


def check_result(name, state, result):
    assert state.name == result.state, f"{name}: {state}"
    if has_let_go(state):  # see `check_let_go`
        return
    if state.name == "Success":
        assert plain(state.result) == result.value, name
    elif state.name == "Skipped":
        assert state.result is None, name
    elif state.name in ("Failed", "TriggerFailed", "TimedOut"):
        assert isinstance(state.result, BaseException), name
    elif state.name == "Mapped":
        assert plain(state.result) == result.value, name
        assert len(state.map_states) == len(result.children), name
        for number, (child, wanted) in enumerate(
            zip(state.map_states, result.children, strict=True)
        ):
            check_result(f"{name}, child {number}", child, wanted)


def check_results(world, state):
    description = world.description
    results = expected(description)
    for name, result in results.items():
        found = state.result[world.handles[name]]
        if wired(description)[name].kind != "init":
            check_result(name, found, result)
        elif result.state == "Success":  # its value is the manager
            assert found.name == "Success"
        elif result.state == "Mapped":
            assert [one.name for one in found.map_states] == [one.state for one in result.children]
    assert state.name == flow_state(description, results)
    check_tries(world, results)
    check_let_go(world, state)


def check_let_go(world, state):
    """Values are let go where the flow says so, and only those that some task has read."""
    terminal, nodes = world.flow.keep_values == "terminal", world.flow.nodes
    for task, found in state.result.items():
        read = any(one.kind != "cleanup" for one in nodes[task].downstream)
        may_go = terminal and read and task.kind not in ("parameter", "init", "setup", "cleanup")
        values = [found, *getattr(found, "map_states", ())]
        for one in values:
            if isinstance(one.kept, LetGo):
                assert may_go, task
            elif may_go:
                assert one.kept is None or not one.is_successful() or one.is_mapped(), task


def check_tries(world, results):
    begun = {}
    for entry in world.log:
        if entry.what == "begin" and entry.scripted:
            begun[entry.name, entry.child] = begun.get((entry.name, entry.child), 0) + 1
    wanted = {}
    for name, result in results.items():
        step = wired(world.description)[name]
        if step.kind in SILENT:
            continue
        for child, one in enumerate(result.children) if step.mapped else [(0, result)]:
            if one.tries and not (step.mapped and not result.children):
                wanted[name, child] = one.tries
    assert begun == wanted


# ---- what the tasks' own code saw


def check_order(world):
    steps = wired(world.description)
    where = {entry: number for number, entry in enumerate(world.log)}
    assert len(where) >= len({entry for entry in world.log if entry.scripted})
    check_tries_follow_each_other(world)
    check_upstream_comes_first(world, steps)
    check_cleanup_comes_last(world)


def check_tries_follow_each_other(world):
    running = set()
    for entry in world.log:
        key = entry.name, entry.child
        assert (key in running) == (entry.what == "end"), f"two tries at once: {entry}"
        (running.discard if entry.what == "end" else running.add)(key)
    assert not running


def check_upstream_comes_first(world, steps):
    def sources(name):
        """The steps upstream of `name` that have code of their own.

        What was cancelled before it began has waited for nobody.
        """
        for up in steps[name].upstream:
            if steps[up].kind not in SILENT:
                yield up
            elif states[world.handles[up]].name != "Cancelled":
                yield from sources(up)

    states = world.run.state.result

    for number, entry in enumerate(world.log):
        if entry.what == "begin" and entry.scripted:
            step = steps[entry.name]
            for up in sources(entry.name):
                same = {entry.child} if up in step.mapped and steps[up].mapped else None
                late = [
                    one
                    for one in world.log[number:]
                    if one.name == up
                    and one.scripted
                    and (same is None or one.child in same)
                    and not (one.what == "end" and overran(steps[up], one))
                ]
                assert not late, f"{entry} before {late}"


def overran(step, entry):
    """Whether that try timed out: its successors need not wait for its code then."""
    script = step.scripts[entry.child % len(step.scripts)]
    return script[min(entry.number, len(script)) - 1] in OVERRUN


def members_of(description, scope):
    """The steps inside `scope`, those of the scopes inside it included."""
    found = set()
    for item in description:
        own = [item] if isinstance(item, Step) else [item.init, item.setup, item.cleanup]
        if own[0].scope == scope:
            found |= {one.name for one in own}
            if isinstance(item, Scope):
                found |= members_of(description, item.name)
    return found


def check_cleanup_comes_last(world):
    for scope in (item for item in world.description if isinstance(item, Scope)):
        inside = members_of(world.description, scope.name)
        cleanup = [
            number
            for number, entry in enumerate(world.log)
            if entry.name == scope.cleanup.name and entry.scripted
        ]
        if cleanup:
            late = [one for one in world.log[cleanup[0] :] if one.name in inside]
            assert not late, f"{scope.cleanup.name} began before {late}"


def check_handlers(world, state):
    """State handlers are told of each step from pending to the final state, in order."""
    for name, moves in world.moves.items():
        step = wired(world.description)[name]
        found = state.result[world.handles[name]]
        news = [new for _, new in moves]
        if not step.mapped:
            assert [old for old, _ in moves] == ["Pending", *news[:-1]], name
            assert news[-1] == found.name, name
        else:
            ends = [one.name for one in found.map_states] if found.is_mapped() else []
            finals = [new for new in news if new not in ("Running", "Retrying")]
            assert not ends or "Mapped" in finals
            assert Counter([found.name, *ends]) <= Counter(finals), name
    told = {step.name for step in world.description if "watched" in getattr(step, "ways", ())}
    assert world.moves.keys() == told


def check_resources(world, state):
    """Every set-up that made something has one completed clean-up, or a script against it."""
    for item in world.description:
        if not isinstance(item, Scope):
            continue
        cleanup = state.result[world.handles[item.cleanup.name]]
        for child, of_item in enumerate(getattr(cleanup, "map_states", [cleanup])):
            name = f"{item.setup.name} {child} "
            tokens = [token for token in world.made if token.startswith(name)]
            for token in tokens:
                assert world.made[token] == 1
                kept = of_item.name == "Failed" and token == tokens[-1]
                assert world.cleaned[token] == (not kept), token
    assert world.cleaned.keys() <= world.made.keys()
    left = world.close()
    assert left == []
    assert world.cleaned == world.made
    assert KEEPER.alive() == ()


def check_threads(world, state):
    """Set-up and its clean-up share a thread of their own, and so do tasks that ask for it."""
    threads = {}
    for entry in world.log:
        if entry.what == "begin":
            threads.setdefault(entry.name, {}).setdefault(entry.child, []).append(entry.thread)
    for item in world.description:
        if not isinstance(item, Scope):
            continue
        found = state.result[world.handles[item.setup.name]]
        homes = {
            child: threads[item.setup.name][child][-1]
            for child, of_item in enumerate(getattr(found, "map_states", [found]))
            if of_item.name == "Success"
        }
        assert threading.get_ident() not in homes.values()
        assert len({*homes.values()}) == len(homes)
        for child, home in homes.items():
            assert {*threads.get(item.cleanup.name, {}).get(child, [home])[-1:]} == {home}
            for one in world.description:
                if isinstance(one, Step) and one.scope == item.name:
                    own = set().union(*threads.get(one.name, {}).values())
                    assert (own <= {home}) if "setup thread" in one.ways else (home not in own)


# ---- the tests


def story(world):
    note(f"cancelled by {world.canceller!r}, by {world.way}")
    for item in world.description:
        note(str(item))
    for entry in world.log:
        note(str(entry))


@MANY
@given(description=descriptions())
def test_a_run_is_what_the_reference_says(executor, description):
    world = World(description)
    try:
        state = world.finish(executor())
        check_results(world, state)
        check_order(world)
        check_threads(world, state)
        check_handlers(world, state)
        check_resources(world, state)
    finally:
        world.close()
        story(world)


# a TaskCancelled that comes while a destructor runs is swallowed by Python, which says so
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@MANY
@given(
    description=descriptions(),
    number=st.integers(0, 99),
    way=st.sampled_from(["code", "handler"]),
)
def test_a_cancelled_run_cleans_up_and_begins_nothing_more(executor, description, number, way):
    results = expected(description)
    names = [
        name
        for name, step in wired(description).items()
        if step.kind == "task" and results[name].tries and not step.mapped
    ]
    canceller = names[number % len(names)] if names else ""
    world = World(description, canceller, way)
    try:
        state = world.finish(executor())
        if canceller:
            check_cancelled(world, state, canceller)
        check_order(world)
        check_resources(world, state)
    finally:
        world.close()
        story(world)


def check_cancelled(world, state, canceller):
    description = world.description
    results = expected(description)
    assert state.name == "Cancelled"
    for name, allowed in allowed_after_cancel(description, canceller).items():
        found = state.result[world.handles[name]]
        assert found.name in allowed, f"{name}: {found}"
        if found.name == results[name].state == "Success" and name.startswith("t"):
            assert found.result == results[name].value, name
    for item in description:
        if isinstance(item, Scope):
            setup, cleanup = (
                state.result[world.handles[one.name]] for one in (item.setup, item.cleanup)
            )
            items = zip(
                getattr(setup, "map_states", [setup]),
                getattr(cleanup, "map_states", [cleanup]),
                strict=True,
            )
            for one, of_item in items:
                assert (of_item.name != "Skipped") == (one.name == "Success"), item.name


@SOME
@given(description=descriptions())
def test_values_are_let_go_once_they_are_read_and_all_else_stays_the_same(executor, description):
    world = World(description)
    world.flow.keep_values = "terminal"
    try:
        state = world.finish(executor())
        check_results(world, state)
        check_order(world)
        check_resources(world, state)
    finally:
        world.close()
        story(world)


@SOME
@given(description=descriptions(timeouts=False))
def test_starting_again_runs_what_did_not_succeed_and_what_needs_it(executor, description):
    world = World(description)
    try:
        first = world.finish(executor())
        check_results(world, first)
        before = len(world.log)
        second = world.finish(executor(), first)
        check_second_run(world, first, second, world.log[before:])
        assert world.close() == []
        assert world.cleaned == world.made
    finally:
        world.close()
        story(world)


def check_second_run(world, first, second, log):
    steps = wired(world.description)
    whole = run_again(world.description, expected(world.description))
    again = set(whole)
    ran = {entry.name for entry in log if entry.scripted}
    for item in world.description:
        if isinstance(item, Scope):
            inside = members_of(world.description, item.name)
            tasks = {
                name for name in inside if steps[name].kind not in ("init", "setup", "cleanup")
            }
            assert bool((tasks or {item.setup.name}) & again) or item.setup.name not in ran
            again -= {item.init.name, item.setup.name}
            ran -= {item.init.name, item.setup.name, item.cleanup.name}
    assert ran <= again
    for name, handle in world.handles.items():
        before, after = first.result[handle], second.result[handle]
        if steps[name].kind in ("init", "setup", "cleanup"):
            continue
        if name not in again:
            assert after.name == before.name
            assert plain(after.result) == plain(before.result)
        elif after.is_mapped() and before.is_mapped():
            check_kept_children(steps[name], before, whole, log)


def check_kept_children(step, before, again, log):
    """A child that succeeded runs again only if what it is given may differ."""
    if not again & {*step.upstream}:
        kept = [number for number, one in enumerate(before.map_states) if one.is_successful()]
        assert not [one for one in log if one.name == step.name and one.child in kept]
