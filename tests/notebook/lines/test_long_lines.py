"""Long lines: each is read once, from left to right, and an error about it stays short."""

import tokenize

import pytest

from resnb.errors import MagicError
from resnb.notebook.lines import assignments, python_source
from resnb.notebook.lines.parsed import (
    parse_command_line,
    parse_flow_line,
    parse_resource_line,
    parse_resources_line,
)

MANY = ", ".join(f"f(a={number})" for number in range(500))


@pytest.fixture
def looked(monkeypatch):
    """What was tokenized, and compiled."""
    found = []

    def tokens(readline):
        found.append("tokens")
        return tokenize.generate_tokens(readline)

    def fault(*args):
        found.append("fault")
        return python_source.python_fault(*args)

    monkeypatch.setattr(python_source, "generate_tokens", tokens)
    monkeypatch.setattr(assignments, "python_fault", fault)
    return found


def test_brackets_in_brackets_are_passed_at_once(looked):
    (clause,) = parse_flow_line(f"long --with Db([{MANY}]) as d").withs
    assert clause.arguments_source == f"[{MANY}]"
    assert looked == ["tokens"]


def test_so_are_they_in_a_value(looked):
    line = parse_command_line(f"run long x=[{MANY}] y='a=1 b=2' z=f'{{x=}}'")
    assert line.arguments == (("x", f"[{MANY}]"), ("y", "'a=1 b=2'"), ("z", "f'{x=}'"))
    assert looked == ["tokens", "fault", "fault", "fault"]


def test_a_bracket_that_is_not_closed_is_noticed_at_once(looked):
    with pytest.raises(MagicError, match="was never closed"):
        parse_command_line(f"run long x=[{MANY}")
    assert looked == ["tokens", "fault"]


@pytest.mark.parametrize(
    ("parse", "line"),
    [
        (parse_flow_line, 5000 * "1"),
        (parse_flow_line, f"etl --step --retries {5000 * '1'}"),
        (parse_flow_line, f"{5000 * 'a'} --with {5000 * 'a'} as {5000 * 'a'}"),
        (parse_resource_line, f"Db({5000 * 'a'}, {5000 * 'a'})"),
        (parse_resource_line, f"Db --cleanup-retries {5000 * '1'}"),
        (parse_command_line, f"run etl {5000 * 'a'}=1 {5000 * 'a'}=1"),
        (parse_resources_line, f"open {5000 * '('}"),
        (parse_resources_line, f"keep {5000 * 'a'} {5000 * 'a'}"),
    ],
)
def test_an_error_about_a_long_word_is_short(parse, line):
    with pytest.raises(MagicError) as caught:
        parse(line)
    assert len(str(caught.value)) < 400
    assert len(str(caught.value).splitlines()) == 1
