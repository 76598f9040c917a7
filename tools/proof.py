"""Repeat the figures that README and documentation claim: `make proof`.

    LEAKS="--python prefect1=... --python prefect3=... --python airflow=..." make proof
    python tools/proof.py NAME...

A variable named like a command adds arguments. Each output goes to build/proof, with the date, the
machine and the versions, beside the claims that it supports. That of `leaks` also becomes the table
of README and comparison, unless a peer that is there was not tried. A figure in the documents that
no command supports fails `tests/test_documents.py`, by `unsupported`.
"""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "proof"
LEAKS = ROOT / "docs" / "leaks.md"
README = ROOT / "README.md"
SHOWN: Final = re.compile(r"<!-- leaks -->\n.*?<!-- /leaks -->\n", re.DOTALL)


class Proof(NamedTuple):
    """A command, and the figures in the documents that it supports, as they are written there."""

    command: str
    claims: tuple[str, ...]


PROOFS: Final[Mapping[str, Proof]] = {
    "imports": Proof("benchmarks/imports.py", ("7 ms", "55 ms", "101 ms")),
    "leases": Proof("benchmarks/leases.py", ("2.6 ms", "12 ms", "51 ms", "15 MB")),
    "engine": Proof("benchmarks/engine.py", ("5 µs", "7 µs", "9 µs")),
    "many_leases": Proof("benchmarks/many_leases.py", ("20 ms",)),
    "scale": Proof(
        "-m benchmarks.scale",
        ("160 bytes", "0.8 KB", "1.4 KB", "1.5 s", "2.1 s", "8.5 s", "4.8 s", "0.05 s", "0.1 s"),
    ),
    "peers": Proof("-m benchmarks.peers ../shared/peers", ("45 µs", "58 µs", "20,700 µs")),
    "live": Proof("benchmarks/live.py", ("5 %",)),
    "on_dask": Proof("-m benchmarks.on_dask", ("2 ms", "6 ms")),
    "fleet": Proof("-m benchmarks.fleet", ("34 MB",)),
    "crash": Proof(
        "-m benchmarks.crash --minutes 30", ("26 ways", "17 more", "728 and 248 trials")
    ),  # the whole table takes hours: CRASH="--minutes 600 --trials 3" with --rows to go on
    "leaks": Proof("-m benchmarks.leaks", ()),
}
LIMITS: Final = {
    "1 MB", "100 MB", "5 GB", "10 ms", "20 times",
    "1 s", "2 s", "2.5 s", "5 s", "7.5 s", "10 s", "15 s", "20 s", "30 s", "60 s", "90 s",
    "15 min", "30 min", "15 minutes", "30 minutes",
}  # fmt: skip
"""Figures that are limits, settings or advice, of resnb or of Jupyter, and no measurements."""
FIGURE: Final = re.compile(
    r"\b\d[\d.,]* ?(?:µs|ms|s|min|minutes|h|hours|[kKMG]B|bytes|%)(?!\w)"
    r"|\b\d[\d,]* (?:and \d[\d,]* )?(?:trials|ways|more|times)\b"
)
CODE: Final = re.compile(r"^ *```(?:\w|\{code).*?^ *```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
"""Blocks and words of code, whose figures are no claims."""


def documents() -> list[Path]:
    """The documents whose figures have to be supported."""
    return [README, *sorted((ROOT / "docs").rglob("*.md"))]


def figures(text: str) -> list[str]:
    """The figures in the text of a document that may be claims."""
    return FIGURE.findall(CODE.sub("", text))


def unsupported() -> Iterator[str]:
    """The figures in the documents that no command supports, and those that no document has."""
    claims = {claim for proof in PROOFS.values() for claim in proof.claims}
    shown = {
        path: figures(path.read_text(encoding="utf-8")) for path in documents() if path != LEAKS
    }
    for path, found in shown.items():
        for figure in found:
            if figure not in LIMITS | claims:
                yield f"{path.relative_to(ROOT)}: {figure}"
    for figure in sorted(claims.difference(*shown.values())):
        yield f"{figure}: is in no document any more"


def stamp(command: str) -> str:
    """When, where and with what a command is run, in one paragraph."""
    names = ("resnb", "ipykernel", "jupyterlab", "distributed")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"`python {command}` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"{versions}, load {os.getloadavg()[0]:.0f}."
    )


def repeat(name: str, proof: Proof) -> bool:
    """Run a command and keep what it prints; gives whether it succeeded."""
    head = stamp(proof.command)
    print(f"\n=== {name}: {head}", flush=True)
    command = [sys.executable, *proof.command.split(), *os.environ.get(name.upper(), "").split()]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    claims = ", ".join(proof.claims) or "the table of leaks"
    text = f"{head}\n\nIt supports: {claims}.\n\n{done.stdout}"
    (BUILD / f"{name}.md").write_text(text, encoding="utf-8")
    if name == "leaks" and done.returncode == 0:
        show_leaks(done.stdout, head)
    return done.returncode == 0


def show_leaks(table: str, head: str) -> None:
    """Put the table of leaks where it is shown, unless rows would be missing there."""
    if missing := rows_of(LEAKS.read_text(encoding="utf-8")) - rows_of(table):
        print(f"the table of leaks stays as it is; not tried: {', '.join(sorted(missing))}")
        return
    LEAKS.write_text(f"{table}\n{head}\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    block = f"<!-- leaks -->\n{table}<!-- /leaks -->\n"
    README.write_text(SHOWN.sub(lambda _: block, text), encoding="utf-8")


def rows_of(table: str) -> set[str]:
    """What the rows of a table in Markdown begin with."""
    return {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")}


def main(names: Sequence[str]) -> int:
    """Repeat what is named, or all; gives the exit code, 1 if a figure has no command."""
    if unknown := [name for name in names if name not in PROOFS]:
        print(f"no command is called {', '.join(unknown)}; there are: {', '.join(PROOFS)}")
        return 2
    if missing := list(unsupported()):
        print("figures that no command supports:", *missing, sep="\n")
        return 1
    BUILD.mkdir(parents=True, exist_ok=True)
    failed = [name for name in names or PROOFS if not repeat(name, PROOFS[name])]
    print(f"failed: {', '.join(failed)}" if failed else "all commands succeeded", f"({BUILD})")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
