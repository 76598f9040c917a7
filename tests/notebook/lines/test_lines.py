"""Magic lines: what they mean, what is refused and with which words."""

import ast
import re

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from resnb.errors import MagicError
from resnb.notebook.lines.parsed import (
    CommandLine,
    FlowLine,
    ResourceLine,
    ResourcesLine,
    SignatureParameter,
    WithClause,
    parse_command_line,
    parse_flow_line,
    parse_resource_line,
    parse_resources_line,
    variable_name,
)
from resnb.notebook.lines.usage import (
    AMOUNT,
    COMMAND,
    COUNT,
    DURATION,
    FLOW,
    NAMES,
    OPEN,
    RESOURCE,
    RESOURCES,
)

PARSERS = {
    FLOW: parse_flow_line,
    RESOURCE: parse_resource_line,
    COMMAND: parse_command_line,
    RESOURCES: parse_resources_line,
    OPEN: lambda line: parse_resources_line(f"open {line}"),
}


def parameter(name, default=None):
    return SignatureParameter(name, default)


def refused(magic, line):
    """The error's text without the magic's name and the usage, whose presence is checked."""
    with pytest.raises(MagicError) as caught:
        PARSERS[magic](line)
    message = str(caught.value)
    assert message.splitlines() == [message]
    assert message.startswith(f"{magic.name}: ")
    problem, _, usage = message.removeprefix(f"{magic.name}: ").rpartition(" Usage: ")
    assert usage.startswith(magic.name)
    return problem


# --- %%flow -----------------------------------------------------------------------------------

FLOW_LINES = {
    "etl": FlowLine("etl"),
    "  dask-example  ": FlowLine("dask-example"),
    "etl.v2": FlowLine("etl.v2"),
    "'my flow' --run": FlowLine("my flow", run=True),
    '"my flow"(n=2)': FlowLine("my flow", (parameter("n", "2"),)),
    "Überblick": FlowLine("Überblick"),
    "etl --run --quiet": FlowLine("etl", run=True, quiet=True),
    "--quiet etl": FlowLine("etl", quiet=True),
    "etl # --run": FlowLine("etl"),
    "etl()": FlowLine("etl"),
    "etl(n)": FlowLine("etl", (parameter("n"),)),
    "etl (n, path='a b.csv',)": FlowLine("etl", (parameter("n"), parameter("path", "'a b.csv'"))),
    "etl(n: int = 2)": FlowLine("etl", (parameter("n", "2"),)),
    "etl(f=lambda a, b=1: (a, b), xs=[1, {2: ')'}])": FlowLine(
        "etl", (parameter("f", "lambda a, b=1: (a, b)"), parameter("xs", "[1, {2: ')'}]"))
    ),
    "etl(t=(1, 2), n=(m := 3), é='\N{GRINNING FACE}(')": FlowLine(
        "etl",
        (
            parameter("t", "(1, 2)"),
            parameter("n", "(m := 3)"),
            parameter("é", "'\N{GRINNING FACE}('"),
        ),
    ),
    "etl(n=2)# comment": FlowLine("etl", (parameter("n", "2"),)),
    "etl --with Db": FlowLine("etl", (), (WithClause("Db", None, "Db()"),)),
    "etl --with=Db()": FlowLine("etl", (), (WithClause("Db", "", "Db()"),)),
    "etl --with Db.map(urls) as db": FlowLine(
        "etl", (), (WithClause("Db", "urls", "Db.map(urls)", "db", mapped=True),)
    ),
    "etl --with pkg.Db.options(ttl='2h').map( urls )": FlowLine(
        "etl",
        (),
        (
            WithClause(
                "pkg.Db.options(ttl='2h')",
                "urls",
                "pkg.Db.options(ttl='2h').map(urls)",
                mapped=True,
            ),
        ),
    ),
    "etl --with pkg.Db as db": FlowLine("etl", (), (WithClause("pkg.Db", None, "pkg.Db()", "db"),)),
    'etl --with R( a,tag="x y) as" ) as r': FlowLine(
        "etl", (), (WithClause("R", 'a,tag="x y) as"', "R(a, tag='x y) as')", "r"),)
    ),
    "etl --with Db(*a, **k) as db --with Db as other --run": FlowLine(
        "etl",
        (),
        (WithClause("Db", "*a, **k", "Db(*a, **k)", "db"), WithClause("Db", None, "Db()", "other")),
        run=True,
    ),
    "etl --with Db(n_workers=4).as_executor() as client": FlowLine(
        "etl",
        (),
        (
            WithClause(
                "Db", "n_workers=4", "Db(n_workers=4).as_executor()", "client", executes=True
            ),
        ),
    ),
    "etl --with Db.options(ttl='2h')(n) as db": FlowLine(
        "etl",
        (),
        (WithClause("Db.options(ttl='2h')", "n", "Db.options(ttl='2h')(n)", "db"),),
    ),
    'dask-example(n=2, out="x.csv") --with DaskCluster(n_workers=n) as client --with Db --run': (
        FlowLine(
            "dask-example",
            (parameter("n", "2"), parameter("out", '"x.csv"')),
            (
                WithClause("DaskCluster", "n_workers=n", "DaskCluster(n_workers=n)", "client"),
                WithClause("Db", None, "Db()"),
            ),
            run=True,
        )
    ),
}


@pytest.mark.parametrize(("line", "meaning"), FLOW_LINES.items())
def test_a_flow_line_means(line, meaning):
    assert parse_flow_line(line) == meaning


@pytest.mark.parametrize(
    ("clause", "name"),
    [
        ("Db", "Db"),
        ("pkg.sub.Db(1)", "Db"),
        ("pkg.Db as db", "db"),
        ("Db.options(name='a.options(b')(1)", "Db"),
    ],
)
def test_a_scope_is_known_by_its_variable_else_by_its_resource(clause, name):
    assert parse_flow_line(f"etl --with {clause}").withs[0].name == name


def test_clauses_that_differ_in_blanks_and_quotes_only_compare_equal():
    one, two = parse_flow_line("f --with R(1,tag='x') as a --with R( 1, tag = \"x\") as b").withs
    assert one.call_source == two.call_source


BAD_FLOW_LINES = {
    "": "the flow's name is missing",
    "# etl": "the flow's name is missing",
    "--run": "the flow's name is missing",
    "(n=2)": "the flow's name is missing at '(n=2)'",
    "run": "'run' is no name for a flow, since %flow reads run, plan, cancel, close, timeline",
    "reset(n=2)": "close, timeline, auto, from-cells, cache, remove, reset as commands",
    "timeline(n=2)": "'timeline' is no name for a flow",
    "class": "'class' would be a Python keyword",
    "42": "it needs a letter",
    "_": "it needs a letter",
    "''": "the flow's name is missing",
    "' a'": "nor begin or end with a blank",
    "a/b": "it cannot hold a slash",
    "'a\\nb'": "it cannot hold a slash or a control character",
    "'a": 'a quote is not closed in "\'a"',
    "etl extra": "unexpected 'extra'; parameters go in brackets: etl(n=2)",
    "etl n=2": "unexpected 'n=2'; parameters go in brackets: etl(n=2)",
    "etl --step load data --run": "a title of several words goes in quotes: 'load data'",
    "etl --step load run": "unexpected 'run'; did you mean --run?",
    "etl run": "unexpected 'run'; did you mean --run?",
    "etl \u2014run": "did you mean --run?",
    "etl -run": "unknown option '-run'; the nearest is --run",
    "etl --quite": "unknown option '--quite'; the nearest is --quiet",
    "etl --ttl 2h": "unknown option '--ttl'; there is --with, --run, --step, --cache, --map, --retries, --inside, --quiet",
    "etl --run --run": "--run is given twice",
    "etl --run=1": "--run takes no value",
    "etl\nrun": "is more than one line",
    # signatures
    "etl(n=2": "a bracket is not closed in '(n=2'",
    "etl(n='2)": 'a bracket is not closed in "(n=\'2)", or a quote',
    'etl(n="""2)': ", or a quote",
    "etl(n=2 # )": "a bracket is not closed",
    "etl(n=[2)": "a bracket is not closed in '(n=[2)'",
    "etl(n=)": "'(n=)' is no signature: expected default value expression",
    "etl(n=1, m=3 +)": "'(n=1, m=3 +)' is no signature: invalid syntax at ')'",
    "etl(f=lambda a, b: 1, m=2h)": "is no signature: invalid decimal literal",
    "etl(n=(yield))": "'(n=(yield))' is no signature: 'yield' outside function at 'yield'",
    "etl(n=1, m)": "'(n=1, m)' is no signature: ",
    "etl(n, m, n)": "duplicate argument 'n' in function definition at 'n'",
    "etl(n m)": "'(n m)' is no signature: invalid syntax at 'm'",
    "--help": "the help is %%flow?",
    "etl -h": "the help is %%flow?",
    "etl(class=1)": "'class' is no parameter: write a name, or name=default",
    "etl(3)": "'3' is no parameter",
    "etl(n,,m)": "',' is no parameter: write a name, or name=default",
    "etl(*args)": "the signature '(*args)' has *, ** or /",
    "etl(n, /)": "they are passed by name",
    "etl(*, n=1)": "write plain parameters",
    "etl(**kwargs)": "the signature '(**kwargs)' has *, ** or /",
    "etl(n=1)(m=2)": "unexpected '(m=2)'",
    # --with
    "etl --with": "--with takes a resource's name and its arguments; give it a name",
    "etl --with --run": "--with takes a resource's name and its arguments, not '--run'",
    "etl --with 3": "--with takes a resource's name and its arguments, not '3'",
    "etl --with None": "--with takes a resource's name and its arguments, not 'None'",
    "etl --with as db": "--with takes a resource's name and its arguments, not 'as db'",
    "etl --with Db(n=2": "a bracket is not closed in '(n=2'",
    "etl --with Db(n==)": "'Db(n==)' is no valid Python",
    "etl --with Db(n=1, n=2)": "keyword argument repeated",
    "etl --with Db(await x)": "'Db(await x)' is no valid Python",
    "etl --with Db[0] as db": "give it a name in a %%resource cell, or by an assignment",
    "etl --with Db.as_executor()": "not 'Db.as_executor()'",
    "etl --with Db.map as db": "lacks what to map over: write Db.map(...), or Db to join",
    "etl --with Db().x": "give it a name in a %%resource cell, or by an assignment",
    "etl --with Db(1)(2)": "--with takes a resource's name and its arguments, not 'Db(1)(2)'",
    "etl --with Db as": "after `as` stands a variable: there is none",
    "etl --with Db as --run": "after `as` stands a variable: there is none",
    "etl --with Db as for": "after `as` stands a variable: 'for' is none",
    "etl --with Db as a.b": "after `as` stands a variable: 'a.b' is none",
    "etl --with Db db": "unexpected 'db'",
    "etl --step One --inside fig ax": "unexpected 'ax'",
    "etl --step --inside fig,1": "write names with commas between them",
    "etl --inside fig": "--map, --retries and --inside go with --step",
    # one name, two things
    "etl --with Db --with Db": "scope 'Db' and scope 'Db' would share the name 'Db'",
    "my-etl --with Db as my_etl": "flow 'my-etl' and scope 'my_etl' would share the name 'my_etl'",
    "etl(etl=2)": "flow 'etl' and parameter 'etl' would share the name 'etl'",
    "etl(db) --with Db as db": "parameter 'db' and scope 'db' would share the name 'db'",
    "etl --with Db as Db": "scope 'Db' and resource Db would share the name 'Db'",
    "etl --with Db.options(ttl=1) as Db": "scope 'Db' and resource Db.options(ttl=1) would share",
    "etl --with pkg.Db as pkg": "scope 'pkg' and resource pkg.Db would share the name 'pkg'",
    "e\ufb01(e\ufb01=1)": "would share the name 'efi'",
}


@pytest.mark.parametrize(("line", "words"), BAD_FLOW_LINES.items())
def test_a_bad_flow_line_is_refused_with_the_reason(line, words):
    assert words in refused(FLOW, line)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("etl", "etl"),
        ("dask-example", "dask_example"),
        ("my flow.v2", "my_flow_v2"),
        ("2024-report", "_2024_report"),
        ("naïve", "naïve"),
        ("\ufb01t", "fit"),
        ("-class", "_class"),
    ],
)
def test_the_variable_of_a_flow(name, variable):
    assert variable_name(name) == variable


SYMBOLS = st.sampled_from("aé½²_-.+1\ufb01") | st.characters(categories=["L", "N", "P", "S"])


@given(st.text(SYMBOLS), st.sampled_from(["e", "class", "½x"]), st.text(SYMBOLS))
def test_every_variable_can_be_assigned_and_stands_for_itself(before, letters, after):
    try:
        variable = variable_name(before + letters + after)
    except MagicError:
        reject()
    ast.parse(f"{variable} = 1")
    assert variable.isidentifier()
    assert variable_name(variable) == variable


# --- %%resource -------------------------------------------------------------------------------

RESOURCE_LINES = {
    "Db": ResourceLine("Db"),
    "Db(n=2)": ResourceLine("Db", (parameter("n", "2"),)),
    "Db --ttl 2h --keep=30 --idle-timeout '10m'": ResourceLine(
        "Db", (), {"ttl": "2h", "keep": "30", "idle_timeout": "10m"}
    ),
    "Db(a) --cleanup-timeout 1.5s --cleanup-retries 03 --dies-with-kernel # x": ResourceLine(
        "Db",
        (parameter("a"),),
        {"cleanup_timeout": "1.5s", "cleanup_retries": 3},
        dies_with_kernel=True,
    ),
    "--on failure Db --lifetime kernel": ResourceLine(
        "Db", (), {"on": "failure", "lifetime": "kernel"}
    ),
    "\ufb01t": ResourceLine("fit"),
}


@pytest.mark.parametrize(("line", "meaning"), RESOURCE_LINES.items())
def test_a_resource_line_means(line, meaning):
    assert parse_resource_line(line) == meaning


def test_the_options_of_a_resource_line_cannot_be_changed():
    with pytest.raises(TypeError):
        parse_resource_line("Db --ttl 2h").options["ttl"] = "3h"


BAD_RESOURCE_LINES = {
    "": "the resource's name is missing",
    "my-db": "'my-db' is no name for a resource: use an identifier",
    "class": "'class' is no name for a resource",
    "a.b": "'a.b' is no name for a resource",
    "Db n=2": "unexpected 'n=2'; arguments go in brackets: Db(n=2)",
    "Db --tll 2h": "unknown option '--tll'; the nearest is --ttl",
    "Db --cleanup_retries 2": "unknown option '--cleanup_retries'; the nearest is --cleanup-ret",
    "Db --ttl": "--ttl has no value: write 30s, 10m, 2h, or seconds",
    "Db --ttl --keep 2h": "--ttl has no value: write 30s, 10m, 2h, or seconds",
    "Db --ttl soon": "'soon' is no value for --ttl: write 30s, 10m, 2h, or seconds",
    "Db --ttl 2h30": "'2h30' is no value for --ttl",
    "Db --cleanup-retries -1": "'-1' is no value for --cleanup-retries: write a whole number",
    "Db --on never": "'never' is no value for --on: write one of always, success, failure",
    "Db --lifetime": "--lifetime has no value: write one of block, flow, kernel",
    "Db --ttl 2h --ttl 3h": "--ttl is given twice",
    "Db --dies-with-kernel yes": "unexpected 'yes'",
    "Db --keep 5m --dies-with-kernel": "--keep contradicts --dies-with-kernel",
    "Db --dies-with-kernel=yes": "--dies-with-kernel takes no value",
    "Db(lease)": "an argument cannot be called 'lease': the body has it already",
    "Db(flow=None)": "an argument cannot be called 'flow'",
    "Db(n=": "a bracket is not closed",
    "Db(*a)": "write plain parameters",
}


@pytest.mark.parametrize(("line", "words"), BAD_RESOURCE_LINES.items())
def test_a_bad_resource_line_is_refused_with_the_reason(line, words):
    assert words in refused(RESOURCE, line)


# --- %flow and %resources ---------------------------------------------------------------------

COMMAND_LINES = {
    "": CommandLine(),
    " # all": CommandLine(),
    "dask-example": CommandLine(None, "dask-example"),
    "'my flow'": CommandLine(None, "my flow"),
    "runner": CommandLine(None, "runner"),
    "plan etl": CommandLine("plan", "etl"),
    "timeline 'run'": CommandLine("timeline", "run"),
    "run etl": CommandLine("run", "etl"),
    'run etl n=2 path="a b.csv" xs=[1, 2]': CommandLine(
        "run", "etl", (("n", "2"), ("path", '"a b.csv"'), ("xs", "[1, 2]"))
    ),
    "run etl n = a + b  m=-c if d else e # m=3": CommandLine(
        "run", "etl", (("n", "a + b"), ("m", "-c if d else e"))
    ),
    "run etl f=lambda x=1, *, y=2: x == y g=f(a=1)[0]": CommandLine(
        "run", "etl", (("f", "lambda x=1, *, y=2: x == y"), ("g", "f(a=1)[0]"))
    ),
    "run etl t=() u=(1, 2) s='k=v'": CommandLine(
        "run", "etl", (("t", "()"), ("u", "(1, 2)"), ("s", "'k=v'"))
    ),
    "run etl class=1": CommandLine("run", "etl", (("class", "1"),)),
    "remove etl": CommandLine("remove", "etl"),
    "remove etl x # gone": CommandLine("remove", "etl", (), "x"),
    "remove etl [6]": CommandLine("remove", "etl", (), "[6]"),
    "remove etl 'my task'": CommandLine("remove", "etl", (), "my task"),
    "reset etl": CommandLine("reset", "etl"),
    "run etl --stale n=2": CommandLine("run", "etl", (("n", "2"),), None, "--stale"),
    "run etl n=2 --stale # again": CommandLine("run", "etl", (("n", "2"),), None, "--stale"),
    "run etl x='a --stale'": CommandLine("run", "etl", (("x", "'a --stale'"),), None, ""),
    "auto etl": CommandLine("auto", "etl"),
    "auto etl off": CommandLine("auto", "etl", mode="off"),
    "from-cells etl": CommandLine("from-cells", "etl"),
    "from-cells": CommandLine("from-cells", "notebook"),
    "from-cells --dry-run": CommandLine("from-cells", "notebook", mode="--dry-run"),
    "from-cells --verify etl": CommandLine("from-cells", "etl", mode="--verify"),
    "run --stale etl n=2": CommandLine("run", "etl", (("n", "2"),), mode="--stale"),
    "auto --paid etl": CommandLine("auto", "etl", mode="--paid"),
    "from-cells etl --dry-run": CommandLine("from-cells", "etl", mode="--dry-run"),
    "from-cells etl --verify # all": CommandLine("from-cells", "etl", mode="--verify"),
}


@pytest.mark.parametrize(("line", "meaning"), COMMAND_LINES.items())
def test_a_command_line_means(line, meaning):
    assert parse_command_line(line) == meaning


BAD_COMMAND_LINES = {
    "run": "the flow's name is missing",
    "plan": "the flow's name is missing",
    "remove": "the flow's name is missing",
    "remove etl x y": "unexpected 'y'",
    "reset etl x": "unexpected 'x'",
    "plan etl now": "unexpected 'now'",
    "rnu etl": "unexpected 'etl'; did you mean run?",
    "etl n=2": "unexpected 'n=2'; to run it with parameters: %flow run etl n=2",
    "--run etl": "unknown option '--run'; there is none",
    "run --now etl": "unknown option '--now'; there is none",
    "from-cells --now": "unknown option '--now'; there is none",
    "plan --stale etl": "unknown option '--stale'; there is none",
    "run etl 5": "expected k=v at '5'",
    "run etl --n 5": "unknown option '--n'; there is --stale",
    "run etl --stal": "unknown option '--stal'; there is --stale",
    "run etl --stale --stale": "--stale is given twice",
    "run etl -5": "expected k=v at '-5'",
    "cache cler": "unexpected 'cler'; did you mean clear?",
    "cache off": "unexpected 'off'",
    "run etl a.b=5": "expected k=v at 'a.b=5'",
    "run etl n=": "'n=': the value is no Python expression",
    "run etl n= m=2": "'n=': the value is no Python expression",
    "run etl n=2 3": "'n=2 3': the value is no Python expression",
    "run etl n=1, m=2": "'n=1,': between values stand blanks, no commas; a tuple goes in brackets",
    "run etl n=1, 2": "'n=1, 2': between values stand blanks, no commas",
    "run etl m=1 n=30m k=2": "'n=30m': the value is no Python expression",
    "run etl n=1 n=2": "'n' is given twice",
    "run etl n='x": "the value is no Python expression (unterminated string literal",
    "run etl n=[1": "'n=[1': the value is no Python expression ('[' was never closed)",
    "run etl n=1]": "'n=1]': the value is no Python expression",
    "run etl n=(yield)": "the value is no Python expression",
}


@pytest.mark.parametrize(("line", "words"), BAD_COMMAND_LINES.items())
def test_a_bad_command_line_is_refused_with_the_reason(line, words):
    assert words in refused(COMMAND, line)


def test_the_usage_in_an_error_is_that_of_the_command():
    with pytest.raises(MagicError, match=re.escape("Usage: %flow plan NAME") + "$"):
        parse_command_line("plan")


RESOURCES_LINES = {
    "": ResourcesLine(),
    "--all": ResourcesLine(all_kernels=True),
    "cleanup": ResourcesLine("cleanup"),
    "cleanup dask-example/client": ResourcesLine("cleanup", "dask-example/client"),
    "cleanup 'my flow/client' # now": ResourcesLine("cleanup", "my flow/client"),
    "adopt etl/client[3]": ResourcesLine("adopt", "etl/client[3]"),
    "keep etl/db 30m": ResourcesLine("keep", "etl/db", "30m"),
    "close": ResourcesLine("close"),
    "close client": ResourcesLine("close", "client"),
    "kinds": ResourcesLine("kinds"),
    "open Cluster": ResourcesLine("open", clause=WithClause("Cluster", None, "Cluster()")),
    "open Cluster( 4 ) as client --ttl 2h --cleanup-retries 2 # now": ResourcesLine(
        "open",
        clause=WithClause("Cluster", "4", "Cluster(4)", "client"),
        options={"ttl": "2h", "cleanup_retries": 2},
    ),
    "open --ttl=2h Cluster.options(keep='1h')": ResourcesLine(
        "open",
        clause=WithClause("Cluster.options(keep='1h')", None, "Cluster.options(keep='1h')()"),
        options={"ttl": "2h"},
    ),
}


@pytest.mark.parametrize(("line", "meaning"), RESOURCES_LINES.items())
def test_a_resources_line_means(line, meaning):
    assert parse_resources_line(line) == meaning


BAD_RESOURCES_LINES = {
    "clenup": "unexpected 'clenup'; did you mean cleanup?",
    "etl/db": "unexpected 'etl/db'",
    "--al": "unknown option '--al'; the nearest is --all",
    "--all cleanup": "--all goes with the list only",
    "cleanup --all": "--all goes with the list only",
    "cleanup a b": "unexpected 'b'",
    "close a b": "unexpected 'b'",
    "kinds a b": "unexpected 'b'",
    "adopt": "the resource's name is missing",
    "keep etl/db": "keep has no value: write 30s, 10m, 2h, or seconds",
    "keep etl/db soon": "'soon' is no value for keep: write 30s, 10m, 2h, or seconds",
    "keep etl/db 30m now": "unexpected 'now'",
}


@pytest.mark.parametrize(("line", "words"), BAD_RESOURCES_LINES.items())
def test_a_bad_resources_line_is_refused_with_the_reason(line, words):
    assert words in refused(RESOURCES, line)


BAD_OPEN_LINES = {
    "": "the resource is missing",
    "Cluster Other": "unexpected 'Other'",
    "3": "it takes a resource's name and its arguments, not '3'",
    "Cluster --ttl soon": "'soon' is no value for --ttl",
    "Cluster --tll 2h": "unknown option '--tll'; the nearest is --ttl",
    "Cluster(4) as Cluster": "resource Cluster and its value would share the name 'Cluster'",
    "pkg.Cluster as pkg": "resource pkg.Cluster and its value would share the name 'pkg'",
    "Cluster.map(xs) as x": "only a flow maps a resource",
    "Cluster --help": "the help is %resources?",
    "Cluster --setup lazy": "--setup is for scopes of flows: this sets up at once",
    "Cluster --lifetime flow": "--lifetime is for scopes: what is opened stays until %resources",
    "Cluster --on success": "--on is for scopes: what is opened stays until %resources close",
    "Cluster(4).as_executor()": "only a flow maps a resource, or runs its tasks on one",
}


@pytest.mark.parametrize(("line", "words"), BAD_OPEN_LINES.items())
def test_a_bad_line_that_opens_is_refused_with_the_reason(line, words):
    assert words in refused(OPEN, line)


# --- one source for parser and help -----------------------------------------------------------

SAMPLES = {None: "", AMOUNT: " 0.52", COUNT: " 3", DURATION: " 30m", NAMES: " fig,ax"}
OF_STEPS = {"--map", "--retries", "--inside"}
WITH_OPTIONS = [(magic, option) for magic in PARSERS for option in magic.options]


@pytest.mark.parametrize(
    ("magic", "option"), WITH_OPTIONS, ids=lambda part: getattr(part, "name", None)
)
def test_every_option_of_the_table_is_parsed_and_documented(magic, option):
    choice = option.value.metavar.partition("|")[0] if option.value else ""
    value = SAMPLES.get(option.value, f" {choice}".replace("RESOURCE[(args)] [as VAR]", "Db"))
    value = value.replace("VAR in ITEMS", "y in ys")
    name = "" if magic is RESOURCES else "x --step" if option.name in OF_STEPS else "x"
    bare = PARSERS[magic](name)
    assert PARSERS[magic](f"{name} {option.name}{value}") != bare
    assert f"  {option.spelling} " in magic.usage()


@pytest.mark.parametrize("magic", PARSERS, ids=lambda magic: magic.name)
def test_every_form_of_the_table_is_parsed_and_documented(magic):
    for form in magic.forms:
        line = (
            re.sub(r"\[.*", "", form.words)
            .replace("NAME", "x")
            .replace("RESOURCE", "Db")
            .replace("DURATION", "30m")
        )
        parsed = PARSERS[magic](line)
        command = "open" if magic is OPEN else form.command
        assert getattr(parsed, "command", None) == command
        assert magic.synopsis(form.command) in magic.usage()
