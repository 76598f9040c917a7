"""Build wheel and source distribution, and try both in empty environments: `make release-check`.

Each is installed, without Node or a compiler on the path, with each Python that is found here, with
the newest libraries that its metadata allows and with the oldest. There, outside the clone, the
README's cells run in a kernel, which is then killed: what they have opened has to be gone. The
packages stay in dist/. And a clone is set up where there is no Node.

    python tools/release_check.py [PYTHON...]     these Pythons instead of those that are found
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pythons
import version

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PYTHONS = ("3.11", "3.12", "3.13")
"""The versions that pyproject.toml names."""
LARGEST = 3_000_000
"""Bytes that a package may have."""
BARE = "/usr/sbin"
"""A path on which there is neither Node nor a compiler."""
NODE = frozenset({"node", "npm", "npx", "corepack"})
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
"""Licences that a dependency of a BSD package must not have."""
LICENCES = """
import json
from importlib.metadata import distributions
def licence(data):
    classes = [one.rpartition(" :: ")[2] for one in data.get_all("Classifier", ())
               if one.startswith("License ::")]
    text = data.get("License-Expression") or " / ".join(classes) or (data.get("License") or "")
    return text.splitlines()[0][:60] if text else "not said"
print(json.dumps({one.metadata["Name"]: licence(one.metadata) for one in distributions()}))
"""
TRIAL = """
import json, os, signal, socket, sys, threading
from pathlib import Path
from jupyter_client.manager import start_new_kernel

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = str(free.getsockname()[1])
manager, client = start_new_kernel(kernel_name="python3")

def run(cell):
    reply = client.execute_interactive(cell, timeout=60, output_hook=lambda message: None)
    if reply["content"]["status"] != "ok":
        raise SystemExit(f"{reply['content']['ename']}: {reply['content']['evalue']}\\n{cell}")

for cell in json.loads(Path("cells.json").read_text()):
    run(cell.replace("8765", port).replace("python3", sys.executable))
run("from pathlib import Path; Path('pid').write_text(str(server.pid))")
run("import resnb; Path('where').write_text(resnb.__file__)")
pid = Path("pid").read_text()
manager.signal_kernel(signal.SIGKILL)

def is_there():
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

tries = 0
while is_there() and tries < 1500:
    threading.Event().wait(0.02)
    tries += 1
client.stop_channels()
manager.shutdown_kernel(now=True)
print("LEFT" if is_there() else "gone", Path("where").read_text())
"""
"""What runs in each environment; it prints whether the server is gone, and which resnb was used."""


class ReleaseError(Exception):
    """Something about the packages is wrong, in one line."""


def build() -> tuple[Path, Path]:
    """The source distribution, and the wheel that is made of it."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT), path=None)
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel))
    return sdist, wheel


def contents(sdist: Path, wheel: Path) -> None:
    """List what is in the packages, by folder, with sizes."""
    with zipfile.ZipFile(wheel) as archive:
        inside = [(one.filename, one.file_size) for one in archive.infolist()]
    with tarfile.open(sdist) as source:
        members = source.getmembers()
        outside = [(one.name.partition("/")[2], one.size) for one in members if one.isfile()]
    for package, files in ((wheel, inside), (sdist, outside)):
        sizes: Counter[str] = Counter()
        for name, size in files:
            sizes["/".join(name.split("/")[:2]) if "/" in name else name] += size
        whole = package.stat().st_size
        print(f"\n{package.name}: {whole / 1000:,.0f} kB, {len(files)} files")
        for name, size in sizes.most_common(12):
            print(f"  {size / 1000:9,.1f} kB  {name}")
        if whole > LARGEST:
            raise ReleaseError(f"{package.name} has {whole:,} bytes, more than {LARGEST:,}")


def set_up_without_node() -> None:
    """`make setup` in a clone, on a path that has all that this one has, but for Node."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs, clone = folder / "bin", folder / "clone"
        programs.mkdir()
        for place in map(Path, os.environ["PATH"].split(os.pathsep)):
            for one in place.iterdir() if place.is_dir() else ():
                if one.name not in NODE and not (programs / one.name).is_symlink():
                    (programs / one.name).symlink_to(one)
        run("git", "clone", "--quiet", str(ROOT), str(clone), path=None)
        run("make", "setup", f"PYTHON={sys.executable}", folder=clone, path=str(programs))
        if not (clone / "resnb" / "view" / "static" / "widget.js").is_file():
            raise ReleaseError("make setup without Node has built no widget")


def same_version() -> None:
    """Refuse files that repeat another version than the package's."""
    for path, text in version.rewritten(version.own()).items():
        if path.read_text(encoding="utf-8") != text:
            raise ReleaseError(f"{path.name} has another version than resnb: make version")
    if f"## [{version.own()}]" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        raise ReleaseError(f"CHANGELOG.md says nothing of {version.own()}")


def oldest() -> list[str]:
    """The oldest versions that the metadata allows, as pip wants them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [
        re.sub(r"^([\w-]+)>=([\d.]+)$", r"\1==\2.*", one) for one in project["dependencies"]
    ] + ["ipykernel==6.29.*"]


def found_pythons() -> Iterator[tuple[str, str]]:
    """Each version of Python with its program; a loud line for each that is not here."""
    for name in PYTHONS:
        found = pythons.find(name)
        if found is None:
            print(f"\n!!! NO PYTHON {name} HERE: not tried\n", flush=True)
        else:
            yield name, found


def try_out(program: str, package: Path, libraries: Sequence[str]) -> str:
    """Install a package and run the README's cells; gives what is to be said of it."""
    with tempfile.TemporaryDirectory(prefix="resnb-release-") as place:
        folder = Path(place)
        run(program, "-m", "venv", "--without-pip", str(folder / "environment"))
        python = str(folder / "environment" / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
        run(*pip, "install", "--quiet", str(package), *libraries)
        run(*pip, "check")
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        cells = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
        (folder / "cells.json").write_text(json.dumps(cells), encoding="utf-8")
        said = run(python, "-P", "-W", "ignore", "-c", TRIAL, folder=folder).split()
        if "gone" not in said or str(folder) not in said[-1]:
            raise ReleaseError(f"the README's cells in it: {' '.join(said)}")
        run(str(folder / "environment" / "bin" / "resnb"), "ls", folder=folder)
        licences = json.loads(run(python, "-c", LICENCES, folder=folder))
    refused = {name: text for name, text in licences.items() if COPYLEFT.search(text)}
    if refused:
        raise ReleaseError(f"licences that do not fit: {refused}")
    kinds = Counter(licences.values()).most_common()
    return f"{len(licences)} packages: " + ", ".join(f"{count} {text}" for text, count in kinds)


def run(*words: str, folder: Path = ROOT, path: str | None = BARE) -> str:
    """Run a program, and give what it printed; on a bare path, unless `path` is None."""
    own = {"RESNB_HOME": str(folder / "home"), "HOME": str(Path.home())}
    environment = {**os.environ, **own, **({} if path is None else {"PATH": path})}
    done = subprocess.run(
        words, cwd=folder, env=environment, text=True, check=False, timeout=900,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(words[:6])} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def main(programs: Sequence[str]) -> int:
    """Check everything; 0 if all is well."""
    try:
        same_version()
        sdist, wheel = build()
        contents(sdist, wheel)
        set_up_without_node()
        print("a clone is set up without Node: ok", flush=True)
        chosen = [(one, one) for one in programs] or list(found_pythons())
        licences = ""
        for name, program in chosen:
            for package, what, libraries in (
                (wheel, "wheel, newest", ["ipykernel"]),
                (wheel, "wheel, oldest", oldest()),
                (sdist, "sdist, newest", ["ipykernel"]),
            ):
                began = time.perf_counter()
                print(f"Python {name}, {what}: ", end="", flush=True)
                found = try_out(program, package, libraries)
                licences = licences or found
                print(f"ok, {time.perf_counter() - began:.0f} s", flush=True)
        print(f"\nlicences of all that is installed, {licences}")
    except ReleaseError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
