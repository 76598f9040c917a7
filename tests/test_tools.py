"""What the tools of development decide."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import pythons

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def other(monkeypatch, tmp_path):
    """Another Python than this one, as a shim of pyenv's that fails, and where pyenv keeps it."""
    monkeypatch.setattr(pythons, "sys", SimpleNamespace(version_info=(3, 99)))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    shim, kept = tmp_path / "shims" / f"python{VERSION}", tmp_path / "versions" / f"{VERSION}.0"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    (kept / "bin").mkdir(parents=True)
    return kept / "bin" / "python"


def test_a_shim_that_fails_is_no_python(other):
    assert pythons.find(VERSION) is None
    other.symlink_to(sys.executable)
    assert pythons.find(VERSION) == str(other)


def test_another_version_is_none(other):
    other.with_name("python").symlink_to(sys.executable)
    (other.parents[2] / "3.98.0").symlink_to(other.parents[1])
    assert pythons.find("3.98") is None


def test_libraries_are_chosen_by_todays_pip(monkeypatch):
    monkeypatch.syspath_prepend(Path(pythons.__file__).parent)
    from tools import parts

    commands = [one for part in parts.PARTS.values() for one in part.commands]
    made = [at for at, one in enumerate(commands) if " -m venv " in one]
    assert made
    for at in made:
        python = f"{commands[at].split()[-1]}/bin/python"
        assert commands[at + 1] == f"{python} -m pip install --quiet --upgrade pip"
