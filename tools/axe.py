"""Look at built pages in Chromium as readers do: in light and dark, at a desk and on a phone.

axe-core finds what keeps somebody out: poor contrast, things without a name, regions that a
keyboard cannot scroll. Besides, a page has to fit the width of a phone, and the first one has to
load little. Pages come straight from their folder, without a server; nothing else is loaded.
"""

from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Route

AXE: Final = Path(__file__).resolve().parents[1] / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS: Final = """async (root, rules) => {
  const found = await axe.run(root, {resultTypes: ['violations'], rules});
  return found.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map(
    (one) => [one.id, one.nodes.map((node) => node.html.slice(0, 200)).slice(0, 3)]);
}"""
"""What axe finds in an element, with these settings of its rules."""
WIDER: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PATIENCE: Final = 120
"""Seconds for a page to load."""
HOST: Final = "http://documentation.invalid"
LOOKS: Final[tuple[tuple[Literal["light", "dark"], int], ...]] = (
    ("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360),
)  # fmt: skip
"""The schemes and widths, in pixels, at which each page is looked at."""


class Site:
    """A folder of pages, given to a browser as a server would give it.

    Attributes:
        sent: the bytes of the files that were asked for.
        refused: what was asked for and is not in the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent = 0
        self.refused: list[str] = []

    def answer(self, route: Route) -> None:
        """Answer one request."""
        address = route.request.url
        path = self.folder / unquote(urlsplit(address).path).lstrip("/")
        if address.startswith(f"{HOST}/") and path.is_file():
            content = path.read_bytes()
            self.sent += len(content)
            route.fulfill(body=content, content_type=guess_type(path)[0] or "")
        else:
            self.refused.append(address)
            route.abort()


def faults(browser: Browser, folder: Path, most: int) -> Iterator[str]:
    """What is wrong with the pages in `folder`, a line each; the first may load `most` bytes."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    for scheme, width in LOOKS:
        site = Site(folder)
        with browser.new_page(
            color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
        ) as page:
            page.set_default_timeout(1000 * PATIENCE)
            page.add_init_script(AXE.read_text(encoding="utf-8"))
            page.route("**/*", site.answer)
            for name in names:
                where = f"{name}, {scheme}, {width} pixels wide"
                site.sent = 0
                page.goto(f"{HOST}/{name}", wait_until="load")
                for rule, places in page.locator("html").evaluate(SERIOUS, {}):
                    yield f"{where}: {rule}: {' '.join(places)}"
                if wider := page.evaluate(WIDER):
                    yield f"{where}: is {wider} pixels wider than the window"
                if name == "index.html" and site.sent > most:
                    yield f"{where}: loads {site.sent:,} bytes, more than {most:,}"
        yield from (f"something loads {one}, which is not there" for one in set(site.refused))
