// Zoom and pan: which part of the graph is visible, and how large. What is larger than its room
// opens at a size that can be read, round what runs or failed.
import { set } from "../dom";
import type { Box } from "../../wire/frames";

const LARGEST_FIT = 4 / 3; // a point is then as large as on paper
const CLOSEST = 6;
const MARGIN = 14;
const READABLE = 0.9; // a label of 10 px has 9 px then
const NEARLY = 0.8; // rather a little smaller than cut off by a little
const LOWEST = 64;
const HIGHEST = 420;
const STEP = 1.25;
const SIGHT = 40; // what is nearer to an edge is brought into view

/** The part of a graph that is visible. */
export interface Section {
  readonly box: Box;
  readonly size: readonly [number, number];
  /** Whether all of the graph is in it. */
  readonly isAll: boolean;
}

export class Viewport {
  private x = 0;
  private y = 0;
  private scale = 1;
  private isOwn = false; // whether the user has zoomed or panned
  private isWhole = false; // whether the user wants to see everything
  private width = 0;
  private height = 0;
  private size: readonly [number, number] = [0, 0];
  private focus: Box | null = null;
  private wanted = 0; // the height that the user has dragged it to
  private isWindow = false;
  private covered: readonly [number, number] = [0, 0];

  constructor(
    private readonly frame: SVGSVGElement,
    private readonly content: SVGGElement,
    private readonly moved: () => void,
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

  /** Keep this in view, as long as the user has not moved the graph. */
  follow(focus: Box | null): void {
    this.focus = focus;
    if (focus !== null && !this.isOwn && this.width > 0 && !this.section().isAll) {
      this.show(focus);
    }
  }

  /** The graph may take the whole window, or as much as it needs. */
  fill(isWindow: boolean): void {
    this.isWindow = isWindow;
    this.isOwn = false;
    this.measured();
  }

  /** Make the room taller or lower, by some pixels. */
  grow(by: number): void {
    this.wanted = Math.max(LOWEST, this.height + by);
    this.measured();
  }

  /** Something lies over the right and lower edges of the frame, this wide and high. */
  cover(right: number, bottom: number): void {
    this.covered = [right, bottom];
    this.moved();
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

  /** Bring a box of the graph into view, which the user has chosen. */
  reveal(box: Box): void {
    this.show(box);
    this.isOwn = true; // it stays where it is, whatever runs
  }

  /** Keep a box that has moved in the graph where it is on the screen, if the user has chosen it. */
  carry(before: Box | null, after: Box | null): void {
    if (this.isOwn && before !== null && after !== null) {
      this.x += (before[0] + before[2] / 2 - after[0] - after[2] / 2) * this.scale;
      this.y += (before[1] + before[3] / 2 - after[1] - after[3] / 2) * this.scale;
      this.apply();
    }
  }

  /** Bring a point of the graph to the middle. */
  center(x: number, y: number): void {
    this.isOwn = true;
    this.x = this.width / 2 - x * this.scale;
    this.y = this.height / 2 - y * this.scale;
    this.apply();
  }

  /** Width and height of the frame, in pixels. */
  room(): readonly [number, number] {
    return [this.width, this.height];
  }

  section(): Section {
    const { x, y, scale, size } = this;
    const box: Box = [-x / scale, -y / scale, this.width / scale, this.height / scale];
    const isAll =
      box[0] <= 1 &&
      box[1] <= 1 &&
      box[0] + box[2] >= size[0] - 1 &&
      box[1] + box[3] >= size[1] - 1;
    return { box, size, isAll };
  }

  private show([x, y, width, height]: Box): void {
    this.width = this.frame.clientWidth;
    const { clientHeight } = this.frame; // a drawer below makes it higher
    const room = [this.width - this.covered[0], clientHeight - this.covered[1]] as const;
    const left = this.x + (x + width / 2) * this.scale;
    const top = this.y + (y + height / 2) * this.scale;
    const [side, edge] = [Math.min(SIGHT, room[0] / 3), Math.min(SIGHT, room[1] / 3)];
    if (left > side && top > edge && left < room[0] - side && top < room[1] - edge) {
      return;
    }
    this.x += this.placed(room[0], this.size[0], x + width / 2) - this.x;
    this.y += this.placed(room[1], this.size[1], y + height / 2) - this.y;
    this.apply();
  }

  /** Where the graph begins if `middle` is to be in the middle, as far as there is graph there. */
  private placed(room: number, size: number, middle: number): number {
    const whole = size * this.scale;
    if (whole + 2 * MARGIN <= room) {
      return Math.max((room - whole) / 2, MARGIN);
    }
    return Math.min(MARGIN, Math.max(room - whole - MARGIN, room / 2 - middle * this.scale));
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
    const highest = this.isWindow ? this.frame.clientHeight : this.wanted || HIGHEST;
    const widest = Math.min(LARGEST_FIT, room / Math.max(width, 1));
    return Math.max(0.05, Math.min(widest, (highest - 2 * MARGIN) / Math.max(height, 1)));
  }

  private measured(): void {
    this.width = this.frame.clientWidth;
    if (this.width === 0) {
      return; // not shown yet
    }
    const [width, height] = this.size;
    const fitting = this.fitting();
    const scale = this.isWhole || fitting >= NEARLY ? fitting : READABLE;
    const natural = Math.min(HIGHEST, Math.max(LOWEST, height * scale + 2 * MARGIN));
    this.height = this.isWindow ? this.frame.clientHeight : this.wanted || Math.round(natural);
    this.frame.style.height = this.isWindow ? "" : `${this.height}px`;
    if (!this.isOwn) {
      const focus = this.focus ?? [0, 0, 0, 0];
      this.scale = scale;
      this.x = this.placed(this.width, width, focus[0] + focus[2] / 2); // a drawer moves nothing
      this.y = this.placed(this.height, height, focus[1] + focus[3] / 2);
    }
    this.apply();
  }

  /** The edges at which the graph goes on. */
  private edges(): string {
    const [right, bottom] = [
      this.x + this.size[0] * this.scale,
      this.y + this.size[1] * this.scale,
    ];
    const cut = {
      left: this.x < -1,
      right: right > this.width + 1,
      top: this.y < -1,
      bottom: bottom > this.height + 1,
    };
    return Object.entries(cut)
      .flatMap(([edge, isCut]) => (isCut ? [edge] : []))
      .join(" ");
  }

  private apply(): void {
    set(this.frame, { "data-cut": this.edges() || false });
    set(this.content, {
      transform: `translate(${this.x.toFixed(1)},${this.y.toFixed(1)}) scale(${this.scale.toFixed(4)})`,
    });
    this.moved();
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
