"""Build the documentation into build/docs/html, and check it: `make docs`.

Sphinx gets a copy of docs/, to which this adds what is written from the code (`reference_pages`),
the notebooks, and the documents that are kept elsewhere. Sphinx's warnings are errors, and so are
links that lead nowhere, files that a page would load from elsewhere, and what a look at each page
in Chromium finds (`axe`).
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import axe
import reference_pages
from parts import available
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "docs"
SOURCE, HTML = BUILD / "source", BUILD / "html"
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "explanation/figures.md",
}
"""Documents that are kept elsewhere, and the pages that they become."""
FIRST_PAGE = 500_000
"""Bytes that the first page may load."""
LINK = re.compile(r"\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")


def assemble() -> None:
    """Make the folder that Sphinx reads."""
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(ROOT / "docs", SOURCE)
    for page in SOURCE.rglob("*.md"):
        original = ROOT / "docs" / page.relative_to(SOURCE)
        page.write_text(moved(original, page), encoding="utf-8")
    for name, target in PAGES.items():
        (SOURCE / target).write_text(moved(ROOT / name, SOURCE / target), encoding="utf-8")
    shutil.copytree(ROOT / "notebooks", SOURCE / "examples", dirs_exist_ok=True)
    reference_pages.write(SOURCE / "generated")


def moved(original: Path, page: Path) -> str:
    """The text of a document with its links as they have to be in `page`."""

    def link(found: re.Match[str]) -> str:
        target = (original.parent / found["path"]).resolve()
        place = place_of(target)
        if place is None:  # nothing of it is on the site: such as a folder of the clone
            return f"](#{target.name})" if target == original else found[0]
        return f"]({os.path.relpath(place, page.parent)}{found['anchor'] or ''})"

    return LINK.sub(link, original.read_text(encoding="utf-8"))


def place_of(target: Path) -> Path | None:
    """Where a file of the clone is on the site; None if it is not there."""
    if not target.is_relative_to(ROOT):
        return None
    name = target.relative_to(ROOT).as_posix()
    for folder, own in (("docs/", ""), ("notebooks/", "examples/")):
        if name.startswith(folder):
            return SOURCE / own / name.removeprefix(folder)
    return SOURCE / PAGES[name] if name in PAGES else None


def build() -> int:
    """Run Sphinx; gives its exit code."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
        "RESNB_HOME": str(BUILD / "ledger"),
        "RESNB_CACHE": str(BUILD / "cache"),
    }
    words = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(BUILD / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *words, str(SOURCE), str(HTML)]
    return subprocess.run(command, env=environment, check=False).returncode


class Page(HTMLParser):
    """What a page has: the ids in it, what it links to, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.add(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in ("script", "img", "iframe") and "src" in found:
            self.loaded.append(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(found["href"])


def faults() -> Iterator[str]:
    """What is wrong with the pages that were built, a line each."""
    pages = {path: Page(path) for path in sorted(HTML.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(HTML)
        if "command not found" in path.read_text(encoding="utf-8"):
            yield f"{name} shows a command that was not found"
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loaded and parts.scheme != "data":
                    yield f"{name} loads {link} from elsewhere"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{name} links to {link}, which is not there"
            elif parts.fragment and target in pages and parts.fragment not in pages[target].ids:
                yield f"{name} links to {link}, which has no such part"


def barriers() -> list[str]:
    """What keeps readers out of the pages, a line each; Chromium is installed if need be."""
    if not available("chromium", "chromium"):
        print("no look at the pages: no `chromium` here, and nobody to install it")
        return []
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        return list(axe.faults(browser, HTML, FIRST_PAGE))


def main() -> int:
    """Build and check; 0 if all is well."""
    assemble()
    if code := build():
        return code
    found = [*faults(), *barriers()]
    print(*found, sep="\n")
    print(f"the documentation: {HTML.relative_to(ROOT)}/index.html")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
