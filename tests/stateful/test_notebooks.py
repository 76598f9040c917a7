"""Random notebooks of steps, against a plain execution of the same cells from the top.

Names are bound, read, rebound and deleted; cells are edited, laid out anew, run out of order and
again; variables and functions of the notebook change. After each action no value that is not marked
stale may differ from what the plain cells give, and no step may have run that was not stale.
"""

import io
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from types import SimpleNamespace

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from IPython.core.compilerop import CachingCompiler

from resnb import Flow  # which plugs in what runs flows
from resnb.errors import FlowFailed, ResnbError
from resnb.events import EVENTS
from resnb.graph.arguments import Constant
from resnb.notebook.cells.flow_magic import flow_cell
from resnb.notebook.cells.freshness import stale_run
from resnb.notebook.cells.steps import outputs_of
from resnb.notebook.session import Session
from resnb.run.memory import memory_of

MANY = settings(
    max_examples=5_000 if settings().max_examples > 100 else 30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

CELLS = ["one", "two", "three", "four"]
NAMES = ["x", "y", "z", "w"]  # the name that each cell binds, mostly
PLAIN = {"a": 1, "b": 2, "count": 1}  # those of the notebook
FUNCTION = "def f(v):\n    return v * {by} + b"


def expressions(readable):
    terms = st.sampled_from([*readable, *readable, "a", "b", "f(a)", "f(2)", "1"])
    return st.lists(terms, min_size=1, max_size=3).map(" + ".join)


def rarely(draw):
    return draw(st.integers(0, 7)) == 0


@st.composite
def bodies(draw, cell):
    """The code of a step, which says that it runs where nobody takes that for an input."""
    place = CELLS.index(cell)
    readable = NAMES if rarely(draw) else NAMES[:place]
    bound = [draw(st.sampled_from(NAMES)) if rarely(draw) else NAMES[place]]
    bound += draw(st.sampled_from([[], [], ["more"], ["count"]]))
    lines = ["ran.append({cell!r})", f"_own = {draw(expressions(readable))}"]
    for name in dict.fromkeys(bound):
        old = "count + " if name == "count" else ""
        lines.append(f"{name} = {old}_own + {draw(expressions(readable))}")
        if rarely(draw):
            lines.append(f"del {name}")
        if rarely(draw):
            lines.append(f"if {draw(expressions(readable))} > 4:\n    {name} = 7")
    return "\n".join(lines)


def edits():
    return st.sampled_from(CELLS).flatmap(
        lambda cell: st.tuples(st.just("edit"), st.just(cell), bodies(cell), st.booleans())
    )


actions = st.one_of(
    edits(),
    edits(),
    st.tuples(
        st.just("again"), st.sampled_from(CELLS), st.sampled_from(["", "# so"]), st.booleans()
    ),
    st.tuples(st.just("set"), st.sampled_from([*PLAIN]), st.integers(0, 3)),
    st.tuples(st.just("define"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("stale")),
    st.tuples(st.just("run")),
)


class Notebook:
    """A notebook of steps, and what is known of it without resnb."""

    def __init__(self):
        self.names = {**PLAIN, "ran": []}
        self.plain = dict(PLAIN)  # what plain cells have bound
        self.code = {}  # the code of each cell that was accepted
        self.made = {}  # what each step was made of when it ran last
        self.runs = dict.fromkeys(CELLS, 0)
        self.by = 1
        exec(FUNCTION.format(by=1), self.names)
        self.session = Session(self.names)
        self.shell = SimpleNamespace(
            transform_cell=lambda text: text.rstrip("\n") + "\n",
            compile=CachingCompiler(),
            history_manager=SimpleNamespace(input_hist_parsed=["", ""]),
            user_ns=self.names,
        )

    # ---- what users do

    def step(self, cell, body, *, run):
        """Run the cell of a step; gives what was refused or failed."""
        before = self.steps()
        line = "etl --step --quiet" + " --run" * run
        with self.checked(cell if run else None):
            try:
                flow_cell(self.shell, self.session, line, body.format(cell=cell), cell)
            except FlowFailed as error:
                note(f"failed: {error}")
            except ResnbError as error:
                note(f"refused: {error}")
                assert self.steps() == before
                return
            now = self.steps()
            if _meaning(body) != _meaning(self.code.get(cell)):
                self.made.pop(cell, None)
            self.code[cell] = body
            self.code = {one: body for one, body in self.code.items() if one in now}
            self.made = {one: made for one, made in self.made.items() if one in now}

    def go(self, what):
        """Run all, or what is stale."""
        flow = self.flow
        if flow is None or not self.steps():
            return
        found = ({}, None)
        if what == "stale":
            found = stale_run(self.session.freshness(flow), flow, {})
        with self.checked(None if what == "stale" else "all"):
            if found is not None:
                flow.run(found[0], task_states=found[1], quiet=True)

    def checked(self, anyway):
        """A block in which nothing may run that is not stale, but for what is to run anyway."""
        return _Checked(self, anyway)

    # ---- what is so

    @property
    def flow(self):
        return next((one for one in self.session.flows() if isinstance(one, Flow)), None)

    def steps(self):
        """The step of each cell that is in the flow."""
        found = {}
        for cells in self.session.cells():
            for known in cells.cells.known:
                step = cells.records[known.key].step
                if step is not None and step in cells.flow.nodes:
                    found[known.cell_id] = step
        return found

    def inputs(self, step):
        """The cells of the steps that a step reads, and what it reads at all."""
        of = {one: cell for cell, one in self.steps().items()}
        inputs = self.flow.nodes[step].inputs
        return {name: of[one] for name, one in inputs.items() if one in of}

    def signature(self, cell, step):
        """What a step is made of now: its code, what it reads, how often its inputs have run."""
        reads = {one: self.plain[one] for one in step.free if one in self.plain}
        reads = {one: value for one, value in reads.items() if one not in step.inputs}
        uses_f = (self.by, self.plain["b"]) if "f" in step.free else None
        constants = {
            name: repr(one.value)
            for name, one in self.flow.nodes[step].inputs.items()
            if isinstance(one, Constant) and name not in self.inputs(step)
        }
        above = {name: self.runs[one] for name, one in self.inputs(step).items()}
        return _meaning(self.code.get(cell)), reads, uses_f, constants, above

    def stale(self):
        """The cells whose steps are stale, by what is known without resnb."""
        found = set()
        steps = self.steps()
        for task in [] if self.flow is None else self.flow.sorted_tasks():
            cell = next((one for one, step in steps.items() if step is task), None)
            if cell is not None and (
                self.made.get(cell) != self.signature(cell, task)
                or found.intersection(self.inputs(task).values())
            ):
                found.add(cell)
        return found

    def expected(self):
        """What the plain cells give, each after what it reads; nothing for one that fails."""
        values = {}
        steps = self.steps()
        for task in [] if self.flow is None else self.flow.sorted_tasks():
            cell = next((one for one, step in steps.items() if step is task), None)
            if cell is None:
                continue
            names = {**self.plain, "f": self.names["f"], "ran": []}
            for name, one in self.flow.nodes[task].inputs.items():
                if isinstance(one, Constant) and name not in self.inputs(task):
                    names[name] = one.value
            for name, source in self.inputs(task).items():
                names.pop(name, None)
                if name in values.get(source, ()):
                    names[name] = values[source][name]
            try:
                exec(self.code[cell].format(cell=cell), names)
            except NameError:
                continue
            if all(name in values.get(source, ()) for name, source in self.inputs(task).items()):
                values[cell] = {one: names[one] for one in task.outputs if one in names}
        return values

    def check(self):
        """No value that is not marked stale is another one than that of the plain cells."""
        flow = self.flow
        if flow is None:
            return
        marked = self.session.freshness(flow).stale(flow)
        expected = self.expected()
        for cell, step in self.steps().items():
            state = memory_of(flow).state_of(step)
            if state.is_finished() and state.is_successful() and step not in marked:
                assert dict(outputs_of(step, state)) == expected.get(cell), cell
                assert cell not in self.stale(), f"{cell} is stale, and not marked"


class _Checked:
    def __init__(self, notebook, anyway):
        self._notebook, self._anyway = notebook, anyway

    def __enter__(self):
        notebook = self._notebook
        notebook.names["ran"].clear()
        self._stale = notebook.stale()

    def __exit__(self, kind, *_):
        notebook = self._notebook
        if kind is not None:
            return
        ran = set(notebook.names["ran"])
        if self._anyway != "all":
            wrong = ran - notebook.stale() - self._stale - {self._anyway}
            assert not wrong, f"{wrong} ran, and was not stale"
        for cell in notebook.names["ran"]:
            notebook.runs[cell] += 1
        self.settle(ran)

    def settle(self, ran):
        """What has run is made of what there is now."""
        notebook = self._notebook
        for cell, step in notebook.steps().items():
            state = memory_of(notebook.flow).state_of(step)
            if cell in ran and state.is_finished() and state.is_successful():
                notebook.made[cell] = notebook.signature(cell, step)


def _meaning(body):
    return None if body is None else body.removesuffix("# so").rstrip()


@MANY
@given(st.lists(actions, min_size=3, max_size=14))
def test_no_stale_value_is_shown_as_fresh_and_nothing_runs_that_is_not_stale(todo):
    notebook = Notebook()
    with ExitStack() as stack:
        stack.callback(EVENTS.listen(notebook.session.take_values))
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(redirect_stderr(io.StringIO()))
        for what, *rest in [*todo, ("stale",)]:
            note(f"{what} {rest}")
            if what == "edit":
                cell, body, run = rest
                notebook.step(cell, body, run=run)
            elif what == "again" and rest[0] in notebook.code:
                cell, more, run = rest
                body = f"{_meaning(notebook.code[cell])}\n{more}"
                notebook.step(cell, body, run=run)
            elif what == "set":
                name, value = rest
                notebook.names[name] = notebook.plain[name] = value
            elif what == "define":
                notebook.by, changes = rest
                text = FUNCTION.format(by=notebook.by)
                exec(f"{text}  # changed" if changes else text, notebook.names)
            elif what in ("stale", "run"):
                notebook.go(what)
            notebook.check()
