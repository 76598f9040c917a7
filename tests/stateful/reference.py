"""What a flow ought to do: an interpreter of flow descriptions that shares no code with resnb.

A description lists steps and scopes in the order in which they are added. The interpreter goes
through the graph once, without threads or time, and gives for each task its final state, value
and number of tries; `allowed_after_cancel` says what may become of them if a step cancels the run.
"""

import itertools
import zlib
from dataclasses import dataclass, replace
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Step:
    """A task: where it stands, and what each of its tries does (per child, if it is mapped).

    A script's entries are ``ok``, ``raise``, the signals' names, ``timeout`` (code that returns when
    its time is over), ``stubborn`` (that returns only after it was asked to stop) and ``half`` (a
    set-up that makes something and raises); the last repeats. `own` wraps the trigger in a
    function, of which nobody can know what it says of other states. `ways` makes no difference.
    """

    name: str
    values: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    mapped: frozenset[str] = frozenset()
    scripts: tuple[tuple[str, ...], ...] = (("ok",),)
    retries: int = 0
    trigger: str = "all_successful"
    own: bool = False
    skips: bool = True
    gives: int | None = None
    items: int | None = None
    scope: str = ""
    case: str = ""
    kind: str = "task"
    ways: frozenset[str] = frozenset()

    @property
    def upstream(self):
        return (*self.values, *self.after)

    def __repr__(self):
        told = [f"{key}={value!r}" for key, value in vars(self).items() if value != vars(BARE)[key]]
        return f"Step({', '.join(told)})"


BARE = Step("")


@dataclass(frozen=True)
class Scope:
    """A resource scope: the scope around it, and what its three tasks do."""

    name: str
    init: Step
    setup: Step
    cleanup: Step


class Result(NamedTuple):
    state: str
    value: Any = None
    tries: int = 0
    children: tuple["Result", ...] = ()


OVERRUN = ("timeout", "stubborn")
FAILED = ("Failed", "TriggerFailed", "TimedOut")
LOST = "failed"
"""Stands for the exception that those downstream receive from what failed."""
MOST_ITEMS = 3
"""How many items a list has at most."""
SUCCESSFUL = ("Success", "Mapped", "Skipped", "Cached")
TRIGGERS = {
    "all_successful": lambda s: "run" if all(x in SUCCESSFUL for x in s) else "fail",
    "all_failed": lambda s: "run" if all(x in FAILED for x in s) else "fail",
    "any_successful": lambda s: "run" if not s or any(x in SUCCESSFUL for x in s) else "fail",
    "any_failed": lambda s: "run" if not s or any(x in FAILED for x in s) else "fail",
    "all_finished": lambda _: "run",
    "some_failed": lambda s: (
        "run" if not s or 0.5 * len(s) <= sum(x in FAILED for x in s) <= 2 else "fail"
    ),
    "some_successful": lambda s: "run" if not s or sum(x in SUCCESSFUL for x in s) >= 2 else "fail",
    "not_all_skipped": lambda s: (
        "skip" if s and set(s) == {"Skipped"} else TRIGGERS["all_successful"](s)
    ),
}


def wired(description):
    """All steps by name, those of scopes and all edges that follow from blocks included."""
    steps, blocks = {}, {}
    for item in description:
        own = [item] if isinstance(item, Step) else [item.init, item.setup, item.cleanup]
        for one in own:
            steps[one.name] = one
            for block in (one.case, one.scope):
                blocks.setdefault(block, []).append(one.name)
    cases = [item.name for item in description if getattr(item, "kind", "") == "case"]
    scopes = [item for item in description if isinstance(item, Scope)]
    for first, block in [(c, c) for c in cases] + [(s.setup.name, s.name) for s in scopes]:
        inside = blocks.get(block, [])
        for name in inside:
            one = steps[name]
            if not {first, *inside} & {*one.upstream}:
                steps[name] = replace(one, after=(*one.after, first))
    for scope in scopes:
        inside = blocks.get(scope.name, [])
        used = {up for name in inside for up in steps[name].upstream}
        last = tuple(name for name in inside if name not in used)
        steps[scope.cleanup.name] = replace(scope.cleanup, after=last)
    return steps


def expected(description):
    """The result of each step, by name."""
    steps, found = wired(description), {}

    def result_of(name):
        if name not in found:
            one = steps[name]
            found[name] = interpreted(one, {up: result_of(up) for up in one.upstream})
        return found[name]

    return {name: result_of(name) for name in steps}


def interpreted(step, upstream):
    if not step.mapped:
        return run_once(step, upstream, step.scripts[0])
    if step.skips and "Skipped" in states_seen(step, upstream):
        return Result("Skipped")
    given = [upstream[name] for name in step.values if name in step.mapped]
    lists = [one.value for one in given if one.state not in FAILED]
    if not all(isinstance(one, list) for one in lists):
        return Result("Failed", LOST, tries=1)
    waits = [upstream[name] for name in step.after if name in step.mapped]
    lengths = [len(one.value) for one in waits if isinstance(one.value, list)]
    count = min([MOST_ITEMS, *map(len, lists), *lengths])
    children = [
        run_once(
            step,
            {name: item_of(step, name, result, index) for name, result in upstream.items()},
            step.scripts[index % len(step.scripts)],
        )
        for index in range(count)
    ]
    return Result("Mapped", [one.value for one in children], 1, tuple(children))


def item_of(step, name, result, index):
    """What one child sees of an upstream step."""
    if name not in step.mapped:
        return result
    if result.children:
        return result.children[index]
    if result.state in FAILED:
        return Result(result.state)
    value = result.value[index] if name in step.values else None
    return Result("Success" if result.state == "Mapped" else result.state, value)


def states_seen(step, upstream):
    """The states of `upstream`; a mapped one counts as its children unless it is mapped over."""
    states = []
    for name, result in upstream.items():
        if result.state == "Mapped" and name not in step.mapped:
            states += [one.state for one in result.children] or ["Mapped"]
        else:
            states.append(result.state)
    return states


def verdict(step, states):
    """The result of a step that is not to run; None if it is."""
    if step.skips and "Skipped" in states:
        return Result("Skipped")
    refused = {"run": None, "skip": Result("Skipped"), "fail": Result("TriggerFailed", LOST)}
    return refused[TRIGGERS[step.trigger](states)]


def run_once(step, upstream, script):
    if step.kind == "cleanup":
        refused = None if upstream[step.values[1]].state == "Success" else Result("Skipped")
    else:
        refused = verdict(step, states_seen(step, upstream))
    if refused:
        return refused
    arguments = [upstream[name].value for name in step.values]
    for number in itertools.count():
        outcome = script[min(number, len(script) - 1)]
        result = ended(step, outcome, arguments, number + 1)
        if result.state not in FAILED and outcome != "RETRY":
            return result
        if number >= step.retries and outcome != "RETRY":
            return result
    raise AssertionError


def ended(step, outcome, arguments, tries):
    """What a try leads to, if it is the last one."""
    if step.kind == "case":
        return Result("Success" if arguments[0] == step.gives else "Skipped", tries=tries)
    if outcome == "SKIP":
        return Result("Skipped", tries=tries)
    if outcome in ("ok", "SUCCESS"):
        return Result("Success", value_of(step, arguments), tries)
    states = {"TRIGGERFAIL": "TriggerFailed"} | dict.fromkeys(OVERRUN, "TimedOut")
    return Result(states.get(outcome, "Failed"), LOST, tries)


def value_of(step, arguments):
    """The value that a step's code computes, which shows what it was given."""
    if step.kind in ("init", "cleanup"):
        return None
    if step.kind == "merge":
        return next((one for one in arguments if one is not None), None)
    if step.gives is not None:
        return step.gives
    number = zlib.crc32(repr((step.name, arguments)).encode())
    return number if step.items is None else [number + index for index in range(step.items)]


def flow_state(description, results):
    """The state of the flow: the last steps decide, where clean-ups do not count."""
    steps = {name: one for name, one in wired(description).items() if one.kind != "cleanup"}
    followed = {up for one in steps.values() for up in one.upstream}
    deciding = [results[name] for name in steps if name not in followed]
    states = [one.state for result in deciding for one in (result.children or (result,))]
    return "Failed" if any(state in FAILED for state in states) else "Success"


def run_again(description, results):
    """The steps that run in a second run that starts again from where the first one failed."""
    steps = wired(description)
    found = {
        name
        for name, one in results.items()
        if steps[name].kind != "cleanup"
        and any(each.state not in SUCCESSFUL for each in (one, *one.children))
    }
    while True:
        more = {
            name
            for name, one in steps.items()
            if one.kind != "cleanup" and name not in found and found & {*one.upstream}
        }
        if not more:
            return found
        found |= more


def allowed_after_cancel(description, canceller):
    """The states that each step may end in if `canceller` cancels the run in its code."""
    steps, results = wired(description), expected(description)

    def before(name):
        return {name}.union(*(before(up) for up in steps[name].upstream))

    allowed = {}
    for name, one in steps.items():
        if name in before(canceller) - {canceller}:
            allowed[name] = {results[name].state}
        elif one.kind == "cleanup":
            after_success = dict.fromkeys(one.upstream, Result("Success"))
            allowed[name] = {"Skipped", run_once(one, after_success, one.scripts[0]).state}
        elif canceller in before(name) - {name}:
            allowed[name] = {"Cancelled"}
        else:  # a try that fails after the cancel is the last one
            entries = {entry for script in one.scripts for entry in script}
            last = {"Failed"} if entries - {"ok", "SUCCESS", "SKIP"} else set()
            swallowed = {"Success"} if "stubborn" in entries else set()
            allowed[name] = {results[name].state, "Cancelled"} | last | swallowed
    return allowed
