// The room in which the graph is seen: it can be dragged taller, and opened over the whole window.
import { focusOn, html, set } from "./dom";
import type { Drawer } from "./drawer";
import type { Graph } from "./graph/graph";

const STEP = 40; // pixels, for keys
const SLOW = 300; // milliseconds
const WORTH_IT = 40; // pixels
const USUAL = 420;

export class Stage {
  readonly element: HTMLElement;
  private readonly handle = html("div", {
    class: "handle",
    role: "separator",
    tabindex: 0,
    title: "Drag to make the graph taller",
    "aria-label": "height of the graph",
    "aria-orientation": "horizontal",
  });
  private readonly window = html("dialog", { class: "resnb-window", "aria-label": "flow" });
  private opener: Element | null = null;
  private told: readonly [number, number] = [0, 0];
  private pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly graph: Graph,
    private readonly drawer: Drawer,
    private readonly root: HTMLElement,
    private readonly resized: (width: number, height: number) => void,
    signal: AbortSignal,
  ) {
    this.element = html("div", { class: "stage" }, graph.element, drawer.element, this.handle);
    this.element.insertBefore(graph.minimap, drawer.element);
    this.listen(signal);
    const observer = new ResizeObserver(() => {
      this.cover();
      set(this.handle, { "aria-valuenow": Math.round(this.element.clientHeight) });
      clearTimeout(this.pause);
      this.pause = setTimeout(this.tell, this.told[0] === 0 ? 0 : SLOW);
    });
    observer.observe(this.element);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      clearTimeout(this.pause);
      this.window.remove();
    });
  }

  get isWindow(): boolean {
    return this.window.open;
  }

  /** Open it over the whole window, or put it back. */
  toggleWindow(): void {
    if (this.window.open) {
      this.window.close();
      return;
    }
    const place = this.root.parentElement;
    if (place !== null) {
      const { activeElement } = document;
      this.opener = this.root.contains(activeElement) ? activeElement : null;
      place.style.minHeight = `${this.root.offsetHeight}px`; // nothing below jumps
      place.append(this.window);
      this.window.append(this.root);
      this.window.showModal();
      focusOn(this.opener); // which it had before it was put elsewhere in the page
      this.graph.viewport.fill(true);
    }
  }

  /** The drawer has opened or closed. */
  cover(): void {
    const { element } = this.drawer;
    const isWide = element.offsetWidth < this.element.clientWidth - 2;
    const isOpen = this.drawer.tab !== null;
    set(this.element, { "data-drawer": isOpen });
    this.graph.viewport.cover(
      isOpen && isWide ? element.offsetWidth : 0,
      isOpen && !isWide ? element.offsetHeight : 0,
    );
  }

  private readonly tell = (): void => {
    const width = this.element.clientWidth;
    const height = this.isWindow ? this.element.clientHeight : USUAL;
    const [before, low] = this.told;
    const isOther = Math.abs(width - before) > WORTH_IT || Math.abs(height - low) > WORTH_IT;
    if (width > 0 && isOther) {
      this.told = [width, height];
      this.resized(width, height);
    }
  };

  private listen(signal: AbortSignal): void {
    const { handle, graph } = this;
    let from = 0;
    handle.addEventListener(
      "pointerdown",
      (event) => {
        from = event.clientY;
        handle.setPointerCapture(event.pointerId);
        event.preventDefault();
      },
      { signal },
    );
    handle.addEventListener(
      "pointermove",
      (event) => {
        if (handle.hasPointerCapture(event.pointerId)) {
          graph.viewport.grow(event.clientY - from);
          from = event.clientY;
        }
      },
      { signal },
    );
    handle.addEventListener(
      "keydown",
      (event) => {
        const step = { ArrowDown: STEP, ArrowUp: -STEP }[event.key];
        if (step !== undefined) {
          graph.viewport.grow(step);
          event.preventDefault();
          event.stopPropagation();
        }
      },
      { signal },
    );
    this.element.addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Escape" && this.drawer.tab !== null) {
          this.drawer.open(null);
          event.preventDefault(); // the whole window stays
          event.stopPropagation();
        }
      },
      { signal },
    );
    this.window.addEventListener("close", () => {
      const place = this.window.parentElement;
      place?.append(this.root);
      this.window.remove();
      focusOn(this.opener);
      if (place) {
        place.style.minHeight = "";
      }
      graph.viewport.fill(false);
    });
  }
}
