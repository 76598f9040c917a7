"""Magic lines under any text: read or refused, and what is written is what is read."""

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resnb.errors import MagicError
from resnb.notebook.lines.parsed import (
    CommandLine,
    FlowLine,
    SignatureParameter,
    WithClause,
    parse_command_line,
    parse_flow_line,
    parse_resource_line,
    parse_resources_line,
)

PARSERS = [parse_flow_line, parse_resource_line, parse_command_line, parse_resources_line]


def complaint(parse, line):
    """Why the line is refused; empty if it is read."""
    try:
        parse(line)
    except MagicError as error:
        return str(error)
    return ""


# --- whatever is typed ------------------------------------------------------------------------

PIECES = [
    *"()[]{}'\"#,=-:\\*./ \t\f\0é\N{GRINNING FACE}²\ud800\N{EM DASH}",
    *['"""', "f'{", "--", "--with", "--run", "--ttl", " as ", " run ", "keep", "lambda x=1:"],
    *["etl", "Db", "n=2", "2h", "class", "await ", "yield", "not ", "\n", "0777", "1_", "@", "$"],
]
TYPED = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(
    st.characters(codec=None), max_size=30
)


@pytest.mark.parametrize("parse", PARSERS)
@given(line=TYPED)
@example(line="etl(" + "(" * 300)
@example(line="run etl n=" + "-" * 5_000 + "1")
@example(line="run etl n=" + "9" * 5_000)
@example(line="run etl n='\\ud800'")
@example(line="'\\N{no such}'")
@example(line="'a\fb' surplus")
@example(line="'\\(' --ttl '\\('")
@example(line="run etl n='\\('")
@example(line="etl(n='\\(') --with R('\\(')")
def test_any_text_is_read_or_refused_in_one_line(parse, line):
    message = complaint(parse, line)
    assert len(message) < 700
    assert len(message.splitlines()) <= 1
    assert not message or " Usage: " in message


LONG_LINE = (
    "etl(n=2, f=lambda a, b=1: (a, \"b)\")) --with R.options(on='x')(a, b=[1]) as c --run # d"
)


@pytest.mark.parametrize("extra", ["", *"()[]'\"\\#=,- "])
def test_a_line_cut_short_or_with_a_letter_too_many_is_read_or_refused(extra):
    for place in range(len(LONG_LINE)):
        for end in (place, place + 1, len(LONG_LINE)):
            message = complaint(parse_flow_line, LONG_LINE[:place] + extra + LONG_LINE[end:])
            assert not message or " Usage: " in message


# --- what is written is what is read ----------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
).map(repr) | st.sampled_from(
    ["a if b else c", "lambda x, y=1: (x, y)", "f(x=1)[2:3]", "not a == b", "{**d}", "'#' + \"'\""]
)
NAMES = st.sampled_from(["n", "path", "é", "client", "x1", "_private", "match"])
SPACE = st.sampled_from(["", " ", "  ", "\t"])
BLANK = st.sampled_from([" ", "   ", "\t"])


@st.composite
def written_flow_lines(draw):
    names = draw(st.lists(NAMES, unique=True))
    parameters = [SignatureParameter(name, draw(VALUES)) for name in names]
    required = draw(st.integers(0, len(names)))
    parameters[:required] = [SignatureParameter(one.name) for one in parameters[:required]]
    variables = draw(st.lists(st.sampled_from(["s", "t", "u"]), unique=True))
    space, blank = draw(SPACE), draw(BLANK)
    signature = f"{space},{space}".join(
        one.name + (f"{space}={space}{one.default_source}" if one.default_source else "")
        for one in parameters
    )
    line = f"a-flow{space}({space}{signature}{space})"
    withs = []
    for variable in variables:
        arguments = ", ".join(draw(st.lists(VALUES, max_size=2)))
        mapped = draw(st.booleans())
        call = f"pkg.Db{'.map' * mapped}({arguments})"
        source = ast.unparse(ast.parse(call))
        withs.append(WithClause("pkg.Db", arguments, source, variable, mapped=mapped))
        line += f"{blank}--with{blank}{call}{space}{blank}as{blank}{variable}"
    run, quiet = draw(st.booleans()), draw(st.booleans())
    line += f"{blank}--run" * run + f"{blank}--quiet" * quiet + draw(st.sampled_from(["", " # ("]))
    return line, FlowLine("a-flow", tuple(parameters), tuple(withs), run, quiet)


@given(written_flow_lines())
def test_a_flow_line_that_is_written_is_read(written):
    line, meaning = written
    assert parse_flow_line(line) == meaning


@given(st.lists(st.tuples(NAMES, VALUES), unique_by=lambda pair: pair[0]), SPACE, BLANK)
def test_arguments_that_are_written_are_read(pairs, space, blank):
    line = blank.join(["run etl", *(f"{key}{space}={space}{value}" for key, value in pairs)])
    assert parse_command_line(line) == CommandLine("run", "etl", tuple(pairs))
