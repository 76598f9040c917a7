"""Bad input: one clear line that names the rule and the remedy, and nothing has changed."""

import pytest

BEFORE = """
%%flow etl(n=2) --with Cluster(n) as c --run
x = number(n)
u = use(c, x)
"""
OTHER = """
%%flow other --with Store as s
foreign = number(5)
"""

LINES = {
    "a timeline of what has not run": (
        "%flow timeline other",
        "flow 'other' has not run, so it has no timeline: %flow run other",
    ),
    "nothing to adopt": (
        "%resources adopt etl/d",
        "no resource 'etl/d' is left by an ended kernel",
    ),
    "nothing to keep": ("%resources keep etl/d 5m", "no resource 'etl/d'"),
    "an unknown flow": ("%flow run elt", "there is no flow 'elt'; did you mean 'etl'?"),
    "an unknown flow to show": (
        "%flow nothing",
        "there is no flow 'nothing'; there is 'etl', 'other'",
    ),
    "an unknown flow to close": ("%flow close elt", "did you mean 'etl'?"),
    "no flow to run": ("%flow run", "the flow's name is missing"),
    "an unknown command": ("%flow rnu etl", "unexpected 'etl'"),
    "a flow that is not running": ("%flow cancel etl", "flow 'etl' is not running"),
    "an unknown parameter": (
        "%flow run etl m=3",
        "flow 'etl' has no parameter 'm' (its parameters: n)",
    ),
    "a parameter given twice": ("%flow run etl n=3 n=4", "'n' is given twice"),
    "a value that is no Python": ("%flow run etl n=3 +", "is no Python expression"),
    "a value without a key": ("%flow run etl 3", "expected k=v"),
    "an unknown option": (
        "%%flow etl --rnu\ny = number()",
        "unknown option '--rnu'; the nearest is --run",
    ),
    "an option twice": ("%%flow etl --run --run\ny = number()", "--run is given twice"),
    "no name": ("%%flow --run\ny = number()", "the flow's name is missing"),
    "a name with a slash": ("%%flow a/b\ny = number()", "cannot hold a slash"),
    "a reserved name": ("%%flow plan\ny = number()", "since %flow reads run, plan"),
    "a keyword": ("%%flow class\ny = number()", "would be a Python keyword"),
    "two uses of a name": ("%%flow etl(etl)\ny = number()", "would share the name 'etl'"),
    "parameters without brackets": (
        "%%flow etl n=3\ny = number()",
        "parameters go in brackets: etl(n=2)",
    ),
    "a parameter that is no name": ("%%flow etl(3)\ny = number()", "'3' is no parameter"),
    "an open bracket": ("%%flow etl(n=(2\ny = number()", "a bracket is not closed"),
    "an unknown resource": (
        "%%flow etl --with Clutser as d\ny = number()",
        "--with Clutser: there is no such resource (known: Cluster, Store); did you mean Cluster?",
    ),
    "no resource": ("%%flow etl --with number as d\ny = number()", "FunctionTask is no resource"),
    "a resource that is an expression": (
        "%%flow etl --with Cluster(2).x as d\ny = number()",
        "--with takes a resource's name and its arguments",
    ),
    "a scope that has other arguments": (
        "%%flow etl --with Cluster(9) as c\ny = number()",
        "another cell",
    ),
    "a surplus argument of a resource": (
        "%%flow etl --with Cluster(1, 2) as d\ny = number()",
        "resource 'Cluster'",
    ),
    "an unknown argument of a resource": (
        "%%flow etl --with Cluster(sise=1) as d\ny = number()",
        "resource 'Cluster' has no parameter 'sise'",
    ),
    "an unknown scope option": (
        "%%flow etl --with Cluster.options(tll='2h') as d\ny = number()",
        "tll",
    ),
    "two scopes of one name": (
        "%%flow etl --with Cluster --with Cluster\ny = number()",
        "would share the name",
    ),
    "an unknown lease": ("%resources cleanup nothing", "no resource 'nothing'; there is 'etl/c'"),
    "a resource for a keyword": (
        "%%flow etl --with Cluster as class\ny = number()",
        "stands a variable",
    ),
}

BODIES = {
    "a surplus argument": ("y = double(1, 2)", "task 'double'"),
    "a missing argument under another name": (
        "y = add(1, z=1)",
        "task 'add' has no parameter 'z' (its parameters: x, y) and is missing 'y'; did you mean 'y'?",
    ),
    "a missing argument": ("y = double()", "task 'double' is missing argument 'x'"),
    "an unknown argument": ("y = double(1, z=1)", "task 'double' has no parameter 'z'"),
    "a cycle": ("y = double(x)\nx.set_upstream(y)", "must have no cycle"),
    "a task of another flow": ("y = double(foreign)", "task 'number' belongs to flow 'other'"),
    "a resource outside its scope": ("y = use(c)", "uses resource 'c' outside its scope"),
    "a run inside the body": (
        "y = number()\netl.run()",
        "cannot run inside its own building block",
    ),
    "mapped over no sequence": ("y = double.map(5)", "which is no sequence"),
    "mapped over nothing": ("y = double.map()", "needs at least one argument"),
    "a second parameter of that name": ("m = Parameter('n')", "already has a parameter 'n'"),
    "a scope of another flow": (
        "with other.find_scope('s'): number()",
        "scope 's' belongs to flow 'other' and cannot be used in flow 'etl'",
    ),
    "a value that is not there": ("y = number()\ny.value", "has no value yet"),
    "what is no task": ("x.set_upstream(5)", "which is no task: decorate the function with @task"),
}

PLAIN = {
    "a task outside a flow": ("number(1)", "was called outside a flow"),
    "a handle as a resource's argument": ("with Cluster(x): pass", "a resource takes values"),
    "an unknown parameter": ("etl.run(m=3)", "has no parameter 'm'"),
    "a run inside its own block": (
        "with etl: etl.run()",
        "cannot run inside its own building block",
    ),
    "a start inside its own block": (
        "with etl: etl.start()",
        "cannot run inside its own building block",
    ),
    "a class without cleanup": (
        "@resource_manager\nclass Broken:\n    def setup(self): pass",
        "resource manager 'Broken' has no cleanup",
    ),
    "a scope used with two flows": (
        "with Flow('third'):\n    with etl.find_scope('c'): number(1)",
        "scope 'c' belongs to flow 'etl' and cannot be used in flow 'third'",
    ),
}


@pytest.fixture
def built(notebook):
    notebook.run(BEFORE, "a")
    notebook.run(OTHER, "b")
    return notebook


@pytest.mark.parametrize("case", LINES)
def test_lines(built, case):
    source, message = LINES[case]
    assert message in built.refuse(source, "c")


@pytest.mark.parametrize("case", BODIES)
def test_bodies(built, case):
    body, message = BODIES[case]
    assert message in built.refuse(f"%%flow etl --quiet\ndone = number(1)\n{body}", "c")


@pytest.mark.parametrize("case", BODIES)
def test_bodies_of_a_cell_that_is_there(built, case):
    """The cell that is run again had tasks before, on which others depend."""
    body, message = BODIES[case]
    built.run("%%flow etl --quiet\ndone = number(1)", "c")
    built.run("%%flow etl --quiet\nlater = double(done)", "d")
    assert message in built.refuse(f"%%flow etl --quiet\ndone = number(3)\n{body}", "c")


@pytest.mark.parametrize("case", PLAIN)
def test_plain_cells(built, case):
    source, message = PLAIN[case]
    assert message in built.refuse(source)


def test_what_ipython_calls_a_result_is_no_known_resource(notebook):
    notebook.run("Cluster")
    line = notebook.refuse("%resources open Nothing")
    assert "there is no such resource (known: Cluster, Store)" in line


def test_a_missing_parameter(notebook):
    notebook.run("%%flow etl(n)\nx = number(n)", "a")
    line = notebook.refuse("%flow run etl")
    assert "flow 'etl' needs parameter 'n': pass n=... to the run, or give it a default" in line


def test_a_mapped_value_that_is_no_sequence(notebook):
    notebook.run("%%flow etl\nx = number(5)\ny = double.map(x)", "a")
    shown = notebook.fail("%flow run etl")
    assert shown.message == (
        "flow 'etl' failed: task 'double': TypeError: task 'double' cannot be mapped over x, which is no "
        "sequence but int: wrap it in unmapped(...)"
    )
