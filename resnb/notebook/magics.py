"""The magics: each only hands its line on."""

from typing import Any

from IPython.core import magic

from resnb.notebook.cells.flow_magic import flow_cell
from resnb.notebook.cells.resource_magic import resource_cell
from resnb.notebook.commands.flow import flow_command
from resnb.notebook.commands.resources import resources_command
from resnb.notebook.front_end import cell_id
from resnb.notebook.lines.usage import COMMAND, FLOW, OPEN, RESOURCE, RESOURCES
from resnb.notebook.session import Session
from resnb.notebook.tracebacks import user_lines_only

_ipython: Any = magic  # its decorators are not typed


@_ipython.magics_class
class FlowMagics(_ipython.Magics):  # type: ignore[misc]
    """``%%flow``, ``%%resource``, ``%flow`` and ``%resources``."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @_ipython.no_var_expand
    @_ipython.cell_magic("flow")
    def flow_cell(self, line: str, cell: str) -> None:
        """Build a cell into a flow."""
        with user_lines_only(self.shell):
            flow_cell(self.shell, self.session, line, cell, cell_id(self.shell))

    @_ipython.no_var_expand
    @_ipython.line_magic("flow")
    def flow_line(self, line: str) -> None:
        """Show, run, plan, cancel or close flows."""
        with user_lines_only(self.shell):
            flow_command(self.session, line, self.shell)

    @_ipython.no_var_expand
    @_ipython.cell_magic("resource")
    def resource_cell(self, line: str, cell: str) -> None:
        """Define a resource."""
        with user_lines_only(self.shell):
            resource_cell(self.shell, self.session, line, cell)

    @_ipython.no_var_expand
    @_ipython.line_magic("resources")
    def resources_line(self, line: str) -> None:
        """Open, close, list, clean up, keep and adopt resources."""
        with user_lines_only(self.shell):
            resources_command(self.session, line)


FlowMagics.flow_cell.__doc__ = FLOW.usage()
FlowMagics.flow_line.__doc__ = COMMAND.usage()
FlowMagics.resource_cell.__doc__ = RESOURCE.usage()
FlowMagics.resources_line.__doc__ = f"{RESOURCES.usage()}\n{OPEN.usage()}"
