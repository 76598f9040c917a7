// Zoom and pan: which part of the graph is visible, and how large.
import { set } from "../dom";

const LARGEST_FIT = 4 / 3; // a point is then as large as on paper
const CLOSEST = 6;
const MARGIN = 14;
const LEAST_AT_FIRST = 0.55; // smaller text cannot be read; Fit shows everything
const LOWEST = 64;
const HIGHEST = 560;
const STEP = 1.25;

export class Viewport {
  private x = 0;
  private y = 0;
  private scale = 1;
  private isOwn = false; // whether the user has zoomed or panned
  private isWhole = false; // whether the user wants to see everything
  private width = 0;
  private height = 0;
  private size: readonly [number, number] = [0, 0];

  constructor(
    private readonly frame: SVGSVGElement,
    private readonly content: SVGGElement,
    signal: AbortSignal,
  ) {
    const observer = new ResizeObserver(() => {
      this.measured();
    });
    observer.observe(frame);
    signal.addEventListener("abort", () => {
      observer.disconnect();
    });
    this.listen(signal);
  }

  /** The size of the graph has changed. */
  resized(size: readonly [number, number]): void {
    this.size = size;
    this.measured();
  }

  fit(): void {
    this.isOwn = false;
    this.isWhole = true;
    this.measured();
  }

  /** Zoom in (1) or out (-1) around the middle, or around a point of the frame. */
  zoom(direction: number, x = this.width / 2, y = this.height / 2): void {
    const least = Math.min(this.fitting(), 1) / 2;
    const scale = Math.min(CLOSEST, Math.max(least, this.scale * STEP ** direction));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.isOwn = true;
    this.apply();
  }

  /** Bring a place of the graph into view. */
  reveal(x: number, y: number): void {
    this.width = this.frame.clientWidth;
    const [left, top] = [this.x + x * this.scale, this.y + y * this.scale];
    const isIn = left > 0 && top > 0 && left < this.width && top < this.height;
    if (!isIn) {
      this.pan(this.width / 2 - left, this.height / 2 - top);
    }
  }

  private pan(x: number, y: number): void {
    this.x += x;
    this.y += y;
    this.isOwn = true;
    this.apply();
  }

  private fitting(): number {
    const [width, height] = this.size;
    const room = this.width - 2 * MARGIN;
    const widest = Math.min(LARGEST_FIT, room / Math.max(width, 1));
    return Math.max(0.05, Math.min(widest, (HIGHEST - 2 * MARGIN) / Math.max(height, 1)));
  }

  private measured(): void {
    this.width = this.frame.clientWidth;
    if (this.width === 0) {
      return; // not shown yet
    }
    const [width, height] = this.size;
    const scale = this.isWhole ? this.fitting() : Math.max(this.fitting(), LEAST_AT_FIRST);
    this.height = Math.min(HIGHEST, Math.max(LOWEST, height * scale + 2 * MARGIN));
    this.frame.style.height = `${this.height}px`;
    if (!this.isOwn) {
      this.scale = scale;
      this.x = Math.max((this.width - width * scale) / 2, MARGIN);
      this.y = Math.max((this.height - height * scale) / 2, MARGIN);
      this.apply();
    }
  }

  private apply(): void {
    set(this.content, {
      transform: `translate(${this.x.toFixed(1)},${this.y.toFixed(1)}) scale(${this.scale.toFixed(4)})`,
    });
  }

  private listen(signal: AbortSignal): void {
    const { frame } = this;
    let from: readonly [number, number] | null = null;
    const down = (event: PointerEvent): void => {
      if (event.button === 0) {
        from = [event.clientX, event.clientY];
      }
    };
    const move = (event: PointerEvent): void => {
      if (from === null) {
        return;
      }
      const [x, y] = [event.clientX - from[0], event.clientY - from[1]];
      if (!frame.hasPointerCapture(event.pointerId)) {
        if (Math.hypot(x, y) < 4) {
          return; // a click with an unsteady hand
        }
        frame.setPointerCapture(event.pointerId);
      }
      from = [event.clientX, event.clientY];
      this.pan(x, y);
    };
    const up = (): void => {
      from = null;
    };
    const wheel = (event: WheelEvent): void => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault(); // without the key the page scrolls, as users expect
        const at = frame.getBoundingClientRect();
        this.zoom(-Math.sign(event.deltaY), event.clientX - at.left, event.clientY - at.top);
      }
    };
    frame.addEventListener("pointerdown", down, { signal });
    frame.addEventListener("pointermove", move, { signal });
    frame.addEventListener("pointerup", up, { signal });
    frame.addEventListener("pointercancel", up, { signal });
    frame.addEventListener("wheel", wheel, { signal, passive: false });
  }
}
