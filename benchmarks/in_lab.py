"""What the extension costs in a real JupyterLab, and how soon it shows what is open.

    python -m benchmarks.in_lab [--leases 1000] [--repeat 20] [--quiet-seconds 60]

The server, the browser and the kernel are real; the many leases are written to the ledger by this
process, which holds them. A frame is the time between two of the browser's animation frames, of
which it draws 60 a second at most. A list is "changing" while 20 of its leases change twice a
second. The way to a row begins when the lease is first written to the ledger, before
its set-up, and ends when the row is in the page.
"""

import argparse
import os
import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.server import fill, row
from resnb.ids import LeaseId
from resnb.ledger.store.store import Store
from tests.browser.conftest import CHROMIUM, QUIET
from tests.browser.lab import Notebook, Server

CHANGING = 20
KERNEL = """
%load_ext resnb
from resnb import resource_manager, task

@resource_manager
class Thing:
    def setup(self):
        return "thing"
    def cleanup(self, thing):
        pass
"""
OPEN = "%%flow bench --with Thing() as thing --run --quiet\nsize = task(len)(thing)"
CLOSE = "%flow close bench"
OPENED = """async (times) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const {shell} = jupyterapp, took = [];
  for (let time = 0; time < times; time += 1) {
    shell.activateById('filebrowser');
    await frame(); await frame();
    const begun = performance.now();
    shell.activateById('jp-running-sessions');
    await frame();
    if (!document.querySelector('.resnb-rows > li')) throw new Error('no rows');
    took.push(performance.now() - begun);
  }
  return took;
}"""
SCROLLED = """async (frames) => {
  const list = document.querySelector('.resnb-scroll'), took = [];
  const next = () => new Promise((resolve) => requestAnimationFrame(resolve));
  let long = 0;
  const observer = new PerformanceObserver((found) => { long += found.getEntries().length; });
  observer.observe({entryTypes: ['longtask']});
  let before = await next();
  for (let number = 0; number < frames; number += 1) {
    const place = Math.abs(((2 * number) / frames) % 2 - 1); // to one end and back
    list.scrollTop = (list.scrollHeight - list.clientHeight) * place;
    const now = await next();
    took.push(now - before);
    before = now;
  }
  await next();
  observer.disconnect();
  return [took, long];
}"""
COUNTED = """
  window.resnbHeard = window.resnbSpoken = 0;
  window.WebSocket = class extends window.WebSocket {
    constructor(...given) {
      super(...given);
      this.isOurs = String(given[0]).includes('/resnb/');
      this.addEventListener('message', () => { window.resnbHeard += this.isOurs; });
    }
    send(...given) {
      window.resnbSpoken += this.isOurs;
      return super.send(...given);
    }
  };
"""
ROWS = """() => {
  window.resnbRows = {};
  const look = () => document.querySelectorAll('.resnb-rows > li .name').forEach((one) => {
    window.resnbRows[one.textContent] ??= Date.now() / 1000;
  });
  new MutationObserver(look).observe(document.querySelector('.resnb-section'),
    {subtree: true, childList: true, characterData: true});
}"""
_never = threading.Event()


class Traffic:
    """What goes between a page and the extension's part of the server.

    The page counts messages itself: to send each of them here would cost more than the page's work.
    """

    def __init__(self, page: Page) -> None:
        self._page, self._asked = page, 0
        page.add_init_script(COUNTED)
        page.on("request", self._count)

    def _count(self, request: Any) -> None:
        self._asked += "/resnb/" in request.url

    @property
    def heard(self) -> int:
        """Messages from the server."""
        return int(self._page.evaluate("window.resnbHeard"))

    @property
    def spoken(self) -> int:
        """Requests and messages to it."""
        return self._asked + int(self._page.evaluate("window.resnbSpoken"))

    def clear(self) -> None:
        """Count from now on."""
        self._asked = 0
        self._page.evaluate("window.resnbHeard = window.resnbSpoken = 0")


def panel(page: Page, traffic: Traffic, store: Store, many: int) -> None:
    """Print what it costs to open a long list, and to scroll it."""
    took = sorted(page.evaluate(OPENED, 30))
    row(f"panel with {many:,} resources opens, median, ms", median(took), "200")
    row("the same, worst, ms", took[-1])
    frames("scrolling", page.evaluate(SCROLLED, 600))
    traffic.clear()
    with changing(store, many):
        frames("scrolling while the list is changing", page.evaluate(SCROLLED, 600))
    row("lists that came in that time", traffic.heard)


def frames(what: str, measured: tuple[list[float], int]) -> None:
    """Print how long frames were, and how often the page itself was what took long."""
    found, long = sorted(measured[0]), measured[1]
    row(f"{what}: a frame, median, ms", median(found), "17")
    row("the same, 99 of 100, ms", found[len(found) * 99 // 100], "50")
    row("the same, worst, ms", found[-1])
    row("times that the page's thread was busy for over 50 ms meanwhile", long, "0")


@contextmanager
def changing(store: Store, many: int) -> Iterator[None]:
    """Let some leases change all the time."""
    is_over = threading.Event()

    def change() -> None:
        number = 0
        while not is_over.wait(0.5):
            for place in range(CHANGING):
                lease = LeaseId(f"{(number + place * 49) % many:032x}")
                store.change(lease, reason=f"change {number}")
            number += 1

    writer = threading.Thread(target=change)  # noqa: TID251 - joined below
    writer.start()
    try:
        yield
    finally:
        is_over.set()
        writer.join()


def quiet(page: Page, traffic: Traffic, server: Any, seconds: float) -> None:
    """Print what happens while nobody does anything."""
    traffic.clear()
    page.reload()
    page.wait_for_function("document.querySelector('.resnb-status button')?.textContent")
    page.wait_for_timeout(5000)
    row("lists that come when the page is loaded", traffic.heard, "1")
    traffic.clear()
    process = psutil.Process(server.process.pid)
    before = sum(process.cpu_times()[:2])
    page.wait_for_timeout(1000 * seconds)
    row(f"lists in the next {seconds:.0f} s, in which nothing happens", traffic.heard, "0")
    row("requests and messages of the page to the extension in that time", traffic.spoken, "0")
    used = 100 * (sum(process.cpu_times()[:2]) - before) / seconds
    row("CPU of the whole server in that time, JupyterLab's own requests included, %", used)


def to_row(notebook: Any, repeat: int) -> None:
    """Print how soon a lease of a notebook is seen."""
    chance = random.Random(7)  # noqa: S311 - no secret
    page, found = notebook.page, []
    page.evaluate(ROWS)
    notebook.run(0)
    for _ in range(repeat):
        page.evaluate("window.resnbRows = {}")
        _never.wait(chance.random())
        notebook.run(1)
        page.wait_for_function("window.resnbRows['bench/thing']", polling=20)
        leases = notebook.server.ask("GET", "resnb/api/leases?name=bench/thing")["leases"]
        found.append(
            1e3 * (page.evaluate("window.resnbRows['bench/thing']") - leases[0]["created"])
        )
        notebook.run(2)
        page.wait_for_function(
            "![...document.querySelectorAll('.resnb-rows .name')].some("
            "(one) => one.textContent === 'bench/thing')"
        )
    row("from a lease that a cell opens to its row, median, ms", median(found))
    row("the same, worst, ms", max(found), "1,000")


def measured(folder: Path, act: Callable[[Any, Traffic, Store], None]) -> None:
    """Do something with a notebook in a browser."""
    from resnb.ledger.store.home import ledger_home

    server = Server(folder)
    store = Store(ledger_home())
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            page.set_default_timeout(60_000)
            traffic = Traffic(page)
            notebook = Notebook(page, server, "bench", folder)
            notebook.open(KERNEL, OPEN, CLOSE)
            page.evaluate("jupyterapp.commands.execute('resnb:show-resources')")
            act(notebook, traffic, store)
            browser.close()
    finally:
        server.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--leases", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--quiet-seconds", type=float, default=60)
    options = parser.parse_args()

    def act(notebook: Any, traffic: Traffic, store: Store) -> None:
        to_row(notebook, options.repeat)
        fill(store, options.leases)
        notebook.page.wait_for_function("document.querySelectorAll('.resnb-rows > li').length > 5")
        panel(notebook.page, traffic, store, options.leases)
        quiet(notebook.page, traffic, notebook.server, options.quiet_seconds)

    print(f"load {os.getloadavg()[0]:.1f}\n\n| | | budget |\n|---|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESNB_HOME"] = str(Path(folder, "ledger"))
        measured(Path(folder), act)


if __name__ == "__main__":
    main()
