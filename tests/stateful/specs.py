"""Random descriptions of flows, for hypothesis."""

from hypothesis import strategies as st

from tests.stateful.reference import OVERRUN, Scope, Step

TRIGGERS = (
    "all_successful", "all_successful", "all_successful", "any_successful", "all_finished",
    "any_failed", "all_failed", "not_all_skipped", "some_failed", "some_successful",
)  # fmt: skip
FINE = ("ok", "ok", "ok", "ok", "SUCCESS")
AGAIN = ("raise", "FAIL", "RETRY")
LAST = ("raise", "SKIP", "FAIL", "TRIGGERFAIL", "ok")


@st.composite
def scripts(draw, *, last=LAST, again=AGAIN, timeouts=True):
    """What the tries of one task do, and how many may follow the first."""
    if draw(st.integers(0, 3)):
        return (draw(st.sampled_from(FINE)),), draw(st.integers(0, 1))
    bad = (*again, *OVERRUN) if timeouts else again
    ends = (*last, *OVERRUN) if timeouts else last
    script = (*draw(st.lists(st.sampled_from(bad), max_size=2)), draw(st.sampled_from(ends)))
    return script, draw(st.integers(0, 3))


@st.composite
def descriptions(draw, max_items=10, *, timeouts=True):
    """A list of steps and scopes in which each refers to earlier ones only."""
    writer = Writer(draw, timeouts=timeouts)
    for _ in range(draw(st.integers(1, max_items))):
        draw(st.sampled_from((writer.task, writer.task, writer.scope, writer.mapped, writer.case,
                              writer.merge)))()  # fmt: skip
    return tuple(writer.items)


class Writer:
    """Writes a description item by item."""

    def __init__(self, draw, *, timeouts):
        self.draw = draw
        self.timeouts = timeouts
        self.items = []
        self.around = {"": ""}  # scope -> the scope around it
        self.steps = []  # names that every step may refer to
        self.lists = []  # those of them that are likely to give a list

    def pick(self, things, most):
        if not things:
            return ()
        return tuple(self.draw(st.lists(st.sampled_from(things), max_size=most, unique=True)))

    def flag(self, one_in):
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def place(self):
        """A scope, and the names that a step in it may refer to."""
        scope = self.draw(st.sampled_from(list(self.around)))
        setups, one = [], scope
        while one:
            setups.append(f"{one}.setup")
            one = self.around[one]
        return scope, [*self.steps, *setups, *setups]

    def name(self, prefix):
        return f"{prefix}{len(self.items)}"

    def common(self, *, timeouts=True):
        script, retries = self.draw(scripts(timeouts=timeouts and self.timeouts))
        return {
            "scripts": (script,),
            "retries": retries,
            "trigger": self.draw(st.sampled_from(TRIGGERS)),
            "own": self.flag(5),
            "skips": not self.flag(4),
        }

    def ways(self, scope, script):
        found = set()
        if scope and self.flag(5):
            found.add("setup thread")
        elif self.flag(5) and not any(entry in OVERRUN for one in script for entry in one):
            found.add("async")
        if self.flag(3):
            found.add("watched")
        return frozenset(found)

    def add(self, step):
        self.items.append(step)
        self.steps.append(step.name)
        if step.items is not None or step.mapped:
            self.lists.append(step.name)

    # ---- kinds of items

    def task(self, case="", scope=None):
        place, usable = self.place() if scope is None else (scope, list(self.steps))
        values = self.pick(usable, 2)
        after = tuple(one for one in self.pick(usable, 2) if one not in values)
        options = self.common()
        gives = self.draw(st.sampled_from((None, None, 0, 1)))
        items = self.draw(st.sampled_from((None, None, 0, 2, 3))) if gives is None else None
        ways = self.ways(place, options["scripts"])
        self.add(
            Step(self.name("t"), values, after, gives=gives, items=items, scope=place, case=case,
                 ways=ways, **options)
        )  # fmt: skip

    def mapped(self):
        if not self.lists:
            self.add(Step(self.name("t"), items=self.draw(st.sampled_from((3, 2, 0)))))
        scope, usable = self.place()
        nearly = self.lists if not self.flag(9) else usable
        over = self.pick(nearly, 2) or (nearly[-1],)
        others = tuple(one for one in self.pick(usable, 1) if one not in over)
        options = self.common(timeouts=False)
        more = [self.draw(scripts(timeouts=self.timeouts and number == 2))[0] for number in (1, 2)]
        kinds = (*options["scripts"], *more)  # lists have three items at most: each has its own
        options["scripts"] = kinds
        values = (*others, *over) if self.flag(2) else (*over, *others)
        after = tuple(one for one in self.pick(usable, 1) if one not in values)
        mapped = frozenset(over) | (frozenset(after) if self.flag(2) else frozenset())
        ways = self.ways(scope, kinds)
        self.add(Step(self.name("m"), values, after, mapped=mapped, scope=scope, ways=ways,
                      **options))  # fmt: skip

    def own_script(self, last, again, *, timeouts=True):
        """What one of a scope's own tasks does.

        The resource is what set-up returns, so there is no SUCCESS; and no ``timeout``, for an
        interrupt at any moment leaves open whether something was made.
        """
        timeouts = timeouts and self.timeouts
        script, retries = self.draw(scripts(last=last, again=again, timeouts=timeouts))
        instead = {"SUCCESS": "ok", "timeout": "stubborn"}
        return tuple(instead.get(one, one) for one in script), retries

    def scope(self, case="", around=None):
        outer, usable = self.place() if around is None else (around, list(self.steps))
        name = self.name("S")
        place = {"scope": outer, "case": case}
        init, tries = self.own_script(("raise", "SKIP", "FAIL"), AGAIN)
        setup, more = self.own_script(("raise", "SKIP", "FAIL", "half", "ok"), (*AGAIN, "half"))
        cleanup, most = self.own_script(("raise", "ok", "ok"), ("raise",), timeouts=False)
        if self.timeouts and self.flag(9):
            cleanup, most = ("stubborn",), 0
        self.items.append(
            Scope(
                name,
                Step(name, self.pick(usable, 2), kind="init", scripts=(init,), retries=tries,
                     **place),
                Step(f"{name}.setup", (name,), kind="setup", scripts=(setup,), retries=more,
                     **place),
                Step(f"{name}.cleanup", (name, f"{name}.setup"), kind="cleanup",
                     scripts=(cleanup,), retries=most, **place),
            )
        )  # fmt: skip
        self.around[name] = outer

    def case(self):
        conditions = [one.name for one in self.items if isinstance(one, Step)]
        if not conditions:
            self.task()
            return
        scope, _ = self.place()
        name = self.name("case")
        condition = self.draw(st.sampled_from(conditions))
        wanted = self.draw(st.sampled_from((0, 1)))
        self.add(Step(name, (condition,), gives=wanted, scope=scope, kind="case"))
        for _ in range(self.draw(st.integers(1, 3))):
            if self.flag(5):
                self.scope(case=name, around=scope)
            else:
                self.task(case=name, scope=scope)

    def merge(self):
        scope, usable = self.place()
        values = self.pick(usable, 3)
        if values:
            self.add(Step(self.name("merge"), values, scope=scope, kind="merge", skips=False,
                          trigger="not_all_skipped"))  # fmt: skip
