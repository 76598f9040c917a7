"""Names in shell commands, as IPython would put their values in."""

import ast

import pytest

from resnb.syntax.shell_commands import names_in_commands

COMMANDS = {
    "rm {path} $name": "path name",
    "rm {paths[n].name!r} $HOME.x": "paths n HOME",
    "echo {{no}} '{a + b}'": "a b",
    "awk '{print $1}' {": "",
    "echo {1 +} $a": "a",
    "plain": "",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_names_in_commands(command):
    for call in ("system", "getoutput"):
        source = f"if x:\n    y = get_ipython().{call}({command!r})"
        assert names_in_commands(ast.parse(source).body) == frozenset(COMMANDS[command].split())


def test_other_calls_are_no_commands():
    assert (
        names_in_commands(ast.parse("shell.system('{a}')\nget_ipython().ex('{a}')").body) == set()
    )
