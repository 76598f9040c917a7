"""Programs as Prefect's documentation writes them run once they are migrated, as they are."""

import subprocess
import sys
from pathlib import Path

import pytest

from resnb.migrate.files import change_of, write

PROGRAMS = sorted(Path(__file__).with_name("programs").glob("*.txt"))


@pytest.mark.parametrize("program", PROGRAMS, ids=[one.stem for one in PROGRAMS])
def test_it_runs(program, tmp_path):
    script = tmp_path / f"{program.stem}.py"
    script.write_bytes(program.read_bytes())
    change = change_of(script)
    assert change.lines == []
    write(script, change)
    assert "import prefect" not in script.read_text()
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
