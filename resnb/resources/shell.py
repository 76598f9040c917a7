"""`command`: what one shell command starts, and another one ends."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from resnb import ResourceManager
from resnb.errors import CleanupError, NothingMadeError, ResnbError
from resnb.ledger.recipes.kinds import Kind
from resnb.resources import arguments
from resnb.resources.common import last_words, shortened

_LONGEST = 100_000
"""The most characters of output that a variable takes."""


class CommandManager:
    """Runs a shell command, and gives what it printed; runs another one to clean up.

    Both find the lease's id in the variable ``RESNB_LEASE``, to tag things with; the second one has
    what the first one printed in ``RESNB_OUTPUT`` (nothing, if that did not return), and may be run
    more than once.

    Args:
        up: the command that starts something.
        down: the command that ends it.
        env: more variables for both.
        cwd: the folder in which both run; by default that of now.

    >>> import os
    >>> from resnb.resources import command
    >>> with command("mktemp", 'rm -f "$RESNB_OUTPUT"') as path:
    ...     print(os.path.exists(path))
    True
    >>> os.path.exists(path)
    False
    """

    kind = "command"
    lease: Any

    def __init__(
        self,
        up: str,
        down: str,
        env: Mapping[str, Any] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        self.up = arguments.text("command", "up", up)
        self.down = arguments.text("command", "down", down)
        self.variables = [[*pair] for pair in arguments.variables("command", env).items()]
        folder = arguments.path("command", "cwd", "." if cwd in (None, "") else cwd)
        self.cwd = os.path.abspath(folder)  # noqa: PTH100 - as text

    def setup(self) -> str:
        """Run the first command.

        Raises:
            NothingMadeError: there is no such folder.
        """
        if not os.path.isdir(self.cwd):  # noqa: PTH112 - as text
            message = f"command: cwd={self.cwd!r} is no folder"
            raise NothingMadeError(message)
        self.lease.record("")  # from now on the second one has to run
        return self._run(self.up, ResnbError, "up").strip()

    def find(self, lease_id: str) -> None:
        """Nothing: before the first command was begun, there is nothing to find."""
        del lease_id

    def cleanup(self, output: str) -> None:
        """Run the second command."""
        self._run(self.down, CleanupError, "down", RESNB_OUTPUT=output[:_LONGEST])

    def _run(self, line: str, error: type[ResnbError], which: str, **more: str) -> str:
        known = dict(self.variables)
        variables = {**os.environ, **known, "RESNB_LEASE": self.lease.id, **more}
        done = subprocess.run(  # noqa: S602 - the user's own command
            line,
            shell=True,
            check=False,
            cwd=self.cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if done.stderr:
            print(done.stderr, end="", file=sys.stderr)  # noqa: T201 - the command's own
        if done.returncode:
            why = last_words(done.stderr, "it printed no error")
            ended = f"{which}={shortened(line)!r} ended with exit code {done.returncode}"
            message = f"command: {ended}: {why}"
            raise error(message)
        return done.stdout


def _made(up: str, down: str, variables: list[list[str]], cwd: str) -> CommandManager:
    return CommandManager(up, down, {one[0]: one[1] for one in variables}, cwd)


command = ResourceManager(CommandManager, name="command")

KIND = Kind(
    "command",
    _made,
    {"up": str, "down": str, "variables": [[str]], "cwd": str},
    str,
    manager=command,
    runs_commands=True,
)
