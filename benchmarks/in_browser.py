"""How long a live view's picture takes, from a change of the flow to the browser's next frame.

    python -m benchmarks.in_browser [--sizes 20 100 300 1000] [--repeat 5]

The view is open, and a task is added. The kernel's part is what its view thread does: the outline,
Graphviz's layout, the frames. The browser's part is a real Chromium that draws them with the front
end as built. "Shown" folds large flows, as a view does at first; "unfolded" is what its Unfold
button gives. Deltas change five states each, in a flow of 300 tasks unfolded. The way between
both is not in it: a few ms.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.drawing import built
from resnb.events import StructureChanged
from resnb.states import RUNNING, SUCCESS
from resnb.view.engines import VARIABLE
from resnb.view.live.flow import LiveFlow

STATIC = Path(__file__).parents[1] / "resnb" / "view" / "static"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
BUDGETS = {20: 50, 100: 100, 300: 400, 1_000: 2_000}  # ms
FRAME = 1000 / 60
DELTAS = 1_000
ENGINES = ("system", "bundled")
HOST = "http://localhost/"  # a secure context, which nothing serves: the page is made up
PAGE = "<!doctype html><meta charset=utf-8><style>{}</style><div id=view></div>"

START = """async (code) => {
  const { default: widget } = await import(
    URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const listeners = new Set();
  const on = (_, one) => listeners.add(one);
  const off = (_, one) => listeners.delete(one);
  const model = { on, off, get() { return []; }, send() {} };
  window.tell = (frames) => frames.forEach((frame) => listeners.forEach((one) => one(frame)));
  window.painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  widget.render({ model, el: document.getElementById("view") });
}"""
DRAW = """async (frames) => {
  await painted();
  const began = performance.now();
  tell(frames);
  await painted();
  return performance.now() - began;
}"""
# what a frame costs the page's only thread: taking in the delta, drawing it, working out its style
APPLY = """async (deltas) => {
  const costs = [];
  for (const delta of deltas) {
    const began = performance.now();
    tell([delta]);
    const taken = performance.now() - began;
    const drawn = await new Promise((done) => {
      requestAnimationFrame(() => {
        const now = performance.now();
        document.body.getBoundingClientRect();
        done(performance.now() - now);
      });
    });
    costs.push(taken + drawn);
  }
  const began = performance.now();
  tell(deltas);
  const burst = performance.now() - began;
  await painted();
  return [costs, burst, performance.now() - began];
}"""


def structure(size: int, *, unfolded: bool) -> tuple[float, list[Any]]:
    """Milliseconds that the kernel takes for the frames of a changed flow, and the frames."""
    flow = built(size)
    live = LiveFlow(flow, lambda: None)
    live.unfold(unfolded=unfolded)
    live.happened(StructureChanged(flow.name))
    live.opened("bench")
    began = time.perf_counter()
    frames = live.refresh()
    json.dumps(frames)
    return 1e3 * (time.perf_counter() - began), frames


def drawn(page: Page, size: int, repeat: int, *, unfolded: bool) -> tuple[float, float]:
    """The medians of the kernel's and of the browser's milliseconds."""
    kernel, browser = [], []
    for _ in range(repeat):
        page.reload()
        start(page)
        page.evaluate(DRAW, structure(size - 1, unfolded=unfolded)[1])
        milliseconds, frames = structure(size, unfolded=unfolded)
        kernel.append(milliseconds)
        browser.append(page.evaluate(DRAW, frames))
    return median(kernel), median(browser)


def start(page: Page) -> None:
    """Show a view that was told nothing yet."""
    page.evaluate(START, (STATIC / "widget.js").read_text(encoding="utf-8"))


def deltas(version: int, nodes: int) -> list[dict[str, Any]]:
    """Frames in which five tasks after the other begin and end."""
    return [
        {
            "frame": "delta",
            "version": version,
            "tally": [nodes, number % nodes, 0, 2],
            "elapsed": number / 20,
            "link": "",
            "codes": [
                [(5 * number + place) % nodes, SUCCESS if number % 2 else RUNNING]
                for place in range(5)
            ],
        }
        for number in range(DELTAS)
    ]


def print_drawing(page: Page, sizes: list[int], repeat: int) -> None:
    """Print the table of structures."""
    columns = ["tasks", "budget"]
    for engine in ENGINES:
        columns += [f"{engine}: kernel, shown", "browser", "kernel, unfolded", "browser"]
    print(*columns, sep=" | ")
    print("--:|" * (len(columns) - 1) + "--:")
    for size in sizes:
        cells = [f"{size:,}", f"{BUDGETS.get(size, '')} ms"]
        for engine in ENGINES:
            os.environ[VARIABLE] = engine
            for unfolded in (False, True):
                cells += [f"{one:.0f} ms" for one in drawn(page, size, repeat, unfolded=unfolded)]
        print(*cells, sep=" | ", flush=True)


def print_deltas(page: Page) -> None:
    """Print what deltas cost."""
    _, frames = structure(300, unfolded=True)
    nodes, version = len(frames[0]["nodes"]), frames[0]["version"]
    page.reload()
    start(page)
    page.evaluate(DRAW, frames)
    costs, taken, burst = page.evaluate(APPLY, deltas(version, nodes))
    if said := page.locator(".notice").text_content():
        raise SystemExit(f"the view has not taken the deltas: {said}")
    print(
        f"\n{DELTAS:,} deltas, {nodes} nodes, one a frame: {median(costs):.2f} ms median, "
        f"{sorted(costs)[-len(costs) // 100]:.1f} ms at the 99th percentile, {max(costs):.1f} ms "
        f"worst, {sum(costs):.0f} ms in all; all at once: {taken:.1f} ms to take "
        f"in, {burst:.0f} ms until drawn (a frame is {FRAME:.0f} ms)"
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(BUDGETS))
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        content = PAGE.format((STATIC / "widget.css").read_text(encoding="utf-8"))
        page.route("**/*", lambda route: route.fulfill(content_type="text/html", body=content))
        page.goto(HOST)
        print_drawing(page, options.sizes, options.repeat)
        print_deltas(page)
        browser.close()


if __name__ == "__main__":
    main()
