"""Make the screenshots of the documents by driving a real JupyterLab: docs/pictures/*.png.

    python -m tests.browser.screenshots [FOLDER [moving]]

With ``moving`` it makes only the moving one, an animated PNG. It needs what the browser tests need: the packages of the `test` extra, and Chromium. The ledger is
one of its own, in which nothing is left.
"""

import io
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 150_000
"""Bytes of a picture."""
MOVING, MOVING_SIZE = {"x": 36, "y": 86, "width": 824, "height": 574}, (824, 574)
"""What the moving picture shows, and how large."""
WINDOW, SCALE = {"width": 1200, "height": 760}, 1.5
MODULE = Path(__file__).with_name("pictured") / "warehouse.py"
LOAD = "%load_ext resnb\nfrom warehouse import "
SALES = (
    LOAD + "Warehouse, by_region, chart, fetch, forecast",
    """%%flow sales(days=28) --with Warehouse("medium") as warehouse --quiet
orders = fetch(warehouse, days)
regions = by_region(orders)""",
    """%%flow sales --with Warehouse("medium") as warehouse --run
picture = chart(regions)""",
    """%%flow sales --quiet
expected = forecast(regions)""",
    "sales.start()",
)
TRAINING = (
    LOAD + "Machine, Warehouse, fit",
    """%%flow training(epochs=20) --with Machine("a100", gpus=4) as gpu --run
model = fit(gpu, epochs)""",
    """%%flow training --with Warehouse("small") as features --run
scores = fit(features, 1)""",
)
NIGHTLY = (
    LOAD + "Cluster, join, load, report",
    """%%flow nightly --with Cluster(workers=4) as cluster --quiet
north, south = load(cluster, "north"), load(cluster, "south")
joined = join(north, south, cluster)""",
    """%%flow nightly
report(joined)""",
    "nightly.start()",
)
FRAMES, EVERY = 24, 350
"""Frames of the moving picture at most, and the milliseconds between two of them."""
AGES = {"sales/warehouse": 14 * 60, "training/gpu": 2 * 3600 + 300, "training/features": 2 * 3600}
"""Seconds for which they are open in the pictures, as on a working day."""
LIST_ALONE = """() => document.querySelectorAll('.lm-AccordionPanel-title').forEach((one) => {
  const isOurs = one.textContent.startsWith('Resources');
  if (!isOurs && one.classList.contains('lm-mod-expanded')) one.click();
})"""
THEME = "jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {}'}})"


class Pictures:
    """Takes them, one after the other.

    Args:
        notebook: one that is not open yet.
        folder: where they go.
    """

    def __init__(self, notebook, folder):
        from tests.browser.labs import Resources

        self.notebook, self.page, self.folder = notebook, notebook.page, folder
        self.resources = Resources(notebook)
        self.unreachable = notebook.server.notebooks / "unreachable"

    def take(self):
        self.begin()
        self.list()
        self.question()
        self.settings()
        self.commands()
        self.flows()
        self.warning()

    def keep(self, name, **clip):
        """Keep what is seen, or a part of it, with as few colours as it needs."""
        from PIL import Image

        seen = Image.open(io.BytesIO(self.page.screenshot(**({"clip": clip} if clip else {}))))
        small = seen.convert("RGB").quantize(256, kmeans=4, dither=Image.Dither.NONE)
        small.save(self.folder / f"{name}.png", optimize=True)
        size = (self.folder / f"{name}.png").stat().st_size
        assert size < LARGEST, f"{name}.png has {size} bytes"
        sys.stdout.write(f"{name}.png, {size / 1000:.0f} kB\n")

    def moving(self):
        """A flow that opens a cluster, works with it, and closes it."""
        from PIL import Image

        shutil.copy(MODULE, self.notebook.server.notebooks)
        self.page.set_viewport_size({"width": 860, "height": 720})
        self.notebook.open(*NIGHTLY)
        self.notebook.run(0, 1, 2)
        self.page.locator(".resnb .cluster").first.wait_for()
        self.notebook.run(3)
        self.page.mouse.move(WINDOW["width"] - 20, 20)
        frames, after = [], 0
        while len(frames) < FRAMES and after < 3:
            seen = Image.open(io.BytesIO(self.page.screenshot(clip=MOVING)))
            frames.append(seen.convert("RGB").resize(MOVING_SIZE, Image.Resampling.LANCZOS))
            after += self.page.locator(".resnb .flow-state.is-success").count() > 0
            self.page.wait_for_timeout(EVERY)
        colours = frames[len(frames) // 2].quantize(128, kmeans=2, dither=Image.Dither.NONE)
        small = [one.quantize(palette=colours, dither=Image.Dither.NONE) for one in frames]
        path = self.folder / "nightly.png"
        last = [EVERY] * (len(small) - 1) + [4 * EVERY]
        small[0].save(path, save_all=True, append_images=small[1:], duration=last, loop=0, blend=0)
        sys.stdout.write(f"{path.name}, {len(small)} frames, {path.stat().st_size / 1000:.0f} kB\n")

    def begin(self):
        """Two notebooks, with three resources."""
        shutil.copy(MODULE, self.notebook.server.notebooks)
        self.notebook.open(*SALES)
        self.notebook.run(0, 1, 2)
        self.resources.also_open("training", *TRAINING)
        self.notebook.run(0, 1, 2)
        self.resources.activate("sales")
        self.resources.show()
        self.page.evaluate(LIST_ALONE)
        self.resources.row("training/features").wait_for()
        _grow_old(self.notebook.server)
        self.resources.press("Keep", "training/gpu")
        self.resources.row("kept 30 min").wait_for()

    def list(self):
        self.drag(0, 490)
        self.show_cell(1)
        self.keep("resources")

    def question(self):
        self.page.locator(".jp-Toolbar [data-command='notebook:restart-kernel']").first.click()
        self.page.locator(".resnb-question").wait_for()
        inside = {
            name: size - 8 for name, size in WINDOW.items()
        }  # the edge says where the focus is
        self.keep("question", x=4, y=4, **inside)
        self.page.keyboard.press("Escape")

    def settings(self):
        self.page.evaluate("jupyterapp.shell.collapseLeft()")
        self.resources.command("settingeditor:open", "{query: 'resnb'}")
        self.page.locator(".jp-SettingsForm input[type=number]").first.wait_for()
        self.page.mouse.move(700, 600)
        self.keep("settings", x=0, y=0, width=WINDOW["width"], height=470)
        self.resources.command("application:close")

    def commands(self):
        self.resources.activate("sales")
        self.show_cell(1)
        self.resources.command("apputils:activate-command-palette")
        self.page.locator(".lm-CommandPalette-input").fill("resources and flows")
        self.page.mouse.move(500, 600)
        self.keep("commands", x=0, y=0, width=WINDOW["width"], height=470)
        self.page.keyboard.press("Escape")

    def flows(self):
        self.page.evaluate(THEME.format("Dark"))
        self.resources.command("resnb:show-flows")
        self.notebook.run(3, 4)
        self.page.locator("#resnb-flows .is-running").first.wait_for()
        self.page.locator("#resnb-flows .cluster.is-closed").wait_for()
        self.drag(-1, -470)
        self.show_cell(0)
        self.page.wait_for_timeout(2000)  # colours fade in, time passes
        self.keep("flows")
        self.page.evaluate(THEME.format("Light"))
        self.page.evaluate("jupyterapp.shell.collapseRight()")

    def warning(self):
        self.unreachable.touch()
        self.resources.show()
        self.resources.press("Clean up", "training/features")
        self.page.locator(".Toastify__toast").wait_for()
        self.show_cell(1)
        self.page.wait_for_timeout(1000)  # it comes from beyond the edge
        self.keep("warning")
        self.unreachable.unlink()

    def drag(self, handle, to):
        """Make a side panel as wide as `to`, from the right if that is negative."""
        handles = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:visible")
        box = handles.nth(handle).bounding_box() if handle >= 0 else handles.last.bounding_box()
        self.page.mouse.move(box["x"] + 1, 400)
        self.page.mouse.down()
        self.page.mouse.move(to if to > 0 else WINDOW["width"] + to, 400, steps=5)
        self.page.mouse.up()

    def show_cell(self, cell):
        """Scroll until a cell is at the top, and rest the pointer where it changes nothing."""
        found = self.page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(cell)
        found.evaluate("one => one.scrollIntoView({block: 'start'})")
        self.page.mouse.move(WINDOW["width"] - 60, 40)
        self.page.wait_for_timeout(300)


def _grow_old(server):
    from resnb.ledger.store.home import ledger_home
    from resnb.ledger.store.store import Store

    for one in server.ask("GET", "resnb/api/leases")["leases"]:
        Store(ledger_home()).change(one["id"], created=time.time() - AGES[one["name"]])


def main(folder, *, moving):
    """Make all pictures, or only the moving one."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["RESNB_HOME"] = str(Path(place) / "ledger")
        from playwright.sync_api import sync_playwright

        from tests.browser.conftest import CHROMIUM, QUIET
        from tests.browser.lab import Notebook, Server

        server = Server(Path(place))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                page = browser.new_page(viewport=WINDOW, device_scale_factor=SCALE)
                page.set_default_timeout(60_000)
                name = "nightly" if moving else "sales"
                pictures = Pictures(Notebook(page, server, name, folder), folder)
                (pictures.moving if moving else pictures.take)()
                browser.close()
        finally:
            (server.notebooks / "unreachable").unlink(missing_ok=True)
            server.clean_up()
            server.close()


if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures",
        moving=sys.argv[2:] == ["moving"],
    )
