import subprocess

import pytest

from resnb.errors import OptionError
from resnb.view import engines
from resnb.view.engines import VARIABLE, DrawingError, Engine, render

PNG = b"\x89PNG\r\n\x1a\n"
GRAPH = "digraph { a -> b }"


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engines, "_BUNDLED", "no-such-package")


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Puts a shell script in the place of an engine."""

    def make(name, script):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o700)
        choices = dict(engines._CHOICES) | {name: lambda: str(program)}
        monkeypatch.setattr(engines, "_CHOICES", choices)
        monkeypatch.delenv(VARIABLE, raising=False)

    return make


def test_the_chosen_engine_draws(engine):
    assert [one.name for one in engines.engines()] == [engine.name]
    assert render(GRAPH).startswith(PNG)
    assert b"</svg>" in render(GRAPH, "svg")


def test_the_bundled_engine_is_always_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    [only] = engines.engines()
    assert only.name == "bundled"
    assert render(GRAPH).startswith(PNG)


def test_the_bundled_engine_is_found_outside_the_scripts_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(engines.sysconfig, "get_path", lambda _: str(tmp_path))
    assert render(GRAPH).startswith(PNG)
    assert engines.bundled() is not None


def test_an_unknown_choice_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "dot")
    with pytest.raises(OptionError, match="RESNB_GRAPHVIZ='dot' must be one of system, bundled"):
        render(GRAPH)


def test_an_unknown_format_is_refused():
    with pytest.raises(OptionError, match="format='gif' must be one of png, svg, pdf"):
        render(GRAPH, "gif")


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_the_remedy_is_named(monkeypatch):
    with pytest.raises(DrawingError, match="no Graphviz engine: install Graphviz, or `pip"):
        render(GRAPH)
    monkeypatch.setenv(VARIABLE, "system")
    with pytest.raises(DrawingError, match="there is no `dot`: install Graphviz or unset"):
        render(GRAPH)


def test_bad_dot_is_one_line(engine):
    with pytest.raises(DrawingError) as caught:
        render("digraph { a -> ")
    assert str(caught.value).startswith(f"cannot draw png: {engine.name} engine: ")
    assert "\n" not in str(caught.value)


def test_the_second_engine_helps_where_the_first_cannot(stand_in):
    stand_in("system", 'echo "Format: png not recognized" >&2; exit 1')
    assert render(GRAPH).startswith(PNG)


def test_an_engine_that_hangs_is_ended(stand_in, monkeypatch):
    monkeypatch.setattr(engines, "TIMEOUT", 0.1)
    stand_in("system", "while :; do :; done")
    with pytest.raises(DrawingError, match="cannot draw png: system engine: took longer than"):
        render(GRAPH)


def test_a_program_that_cannot_be_started_raises_what_the_system_says(tmp_path):
    with pytest.raises(OSError, match="nothing"):
        engines.run_engine(Engine("system", str(tmp_path / "nothing")), GRAPH, "png")


def test_no_shell_sees_the_graph(monkeypatch):
    seen = {}

    def run(command, **options):
        seen.update(options, command=command)
        return subprocess.CompletedProcess(command, 0, stdout=b"picture", stderr=b"")

    monkeypatch.setattr(engines.subprocess, "run", run)
    render('digraph { "$(rm -rf x); `y`" }')
    assert seen["command"][1:] == ["-Tpng"]
    assert not seen.get("shell")
    assert seen["timeout"] == engines.TIMEOUT
