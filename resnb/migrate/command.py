"""The command: prints what would change and what is left out, and on request writes the files."""

from pathlib import Path

import click

from resnb.migrate.files import change_of
from resnb.migrate.files import write as write_change

_BAD = 2


@click.command()
@click.option("--write", is_flag=True, help="Write the changes; without it nothing is changed.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def migrate(*, files: tuple[Path, ...], write: bool) -> None:
    """Rewrite the imports of programs for Prefect: scripts and notebooks.

    Prints the changes as a diff, and then, line by line, what resnb leaves out and what to do
    instead. Exit codes: 0 as asked, 2 a file cannot be read.
    """
    lines: list[str] = []
    changed = bad = 0
    for path in files:
        try:
            change = change_of(path)
            if write and change.after != change.before:
                write_change(path, change)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            click.echo(f"{path}: {reason}", err=True)
            bad += 1
            continue
        changed += change.after != change.before
        click.echo(change.diff, nl=False)
        lines += change.lines
    if lines:
        click.echo("left out:")
        for line in lines:
            click.echo(f"  {line}")
    done = "rewritten" if write else "to be rewritten with --write"
    click.echo(f"{changed} of {len(files)} files {done}, {len(lines)} lines need a look")
    raise SystemExit(_BAD if bad else 0)
