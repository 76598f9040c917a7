// All of a graph in a corner, where it is larger than its room: what runs and what failed, and which
// part is visible. It is for pointers; keys go from task to task.
import { set, svg } from "../dom";
import type { Model } from "../model";
import { PENDING } from "../../wire/vocabulary";
import type { StateCode } from "../../wire/frames";
import { className, STATE_CODES, taskLook } from "../vocabulary";
import type { Viewport } from "./viewport";

const WIDEST = 132; // pixels, and at most this part of the room
const HIGHEST = 80;
const PART = 0.24;

export class Minimap {
  readonly element = svg("svg", { class: "minimap", "aria-hidden": "true" });
  private readonly scopes = svg("path", { class: "scopes" });
  private readonly tasks = new Map(
    STATE_CODES.map((code) => [
      code,
      svg("path", { class: `tone is-${className(taskLook(code).word)}` }),
    ]),
  );
  private readonly section = svg("rect", { class: "section" });
  private scale = 1;

  constructor(
    private readonly viewport: Viewport,
    signal: AbortSignal,
  ) {
    this.element.append(this.scopes, ...this.tasks.values(), this.section);
    const go = (event: PointerEvent): void => {
      if (event.buttons === 1) {
        const at = this.element.getBoundingClientRect();
        viewport.center(
          (event.clientX - at.left) / this.scale,
          (event.clientY - at.top) / this.scale,
        );
      }
    };
    const down = (event: PointerEvent): void => {
      this.element.setPointerCapture(event.pointerId);
      go(event);
    };
    this.element.addEventListener("pointerdown", down, { signal });
    this.element.addEventListener("pointermove", go, { signal });
  }

  show({ structure, codes }: Model): void {
    if (structure === null) {
      return;
    }
    const paths = new Map<StateCode, string[]>();
    structure.nodes.forEach(({ box: [x, y, width, height] }, place) => {
      const code = codes[place] ?? PENDING;
      const known = paths.get(code) ?? [];
      known.push(`M${x},${y}h${width}v${height}h${-width}z`);
      paths.set(code, known);
    });
    for (const [code, path] of this.tasks) {
      set(path, { d: (paths.get(code) ?? []).join("") });
    }
    const boxes = structure.clusters.map(({ box: [x, y, w, h] }) => `M${x},${y}h${w}v${h}h${-w}z`);
    set(this.scopes, { d: boxes.join("") });
    this.moved();
  }

  /** Another part of the graph is visible. */
  moved(): void {
    const {
      box: [x, y, width, height],
      size,
      isAll,
    } = this.viewport.section();
    set(this.element, { display: isAll ? "none" : false });
    if (isAll) {
      return;
    }
    const [across, down] = this.viewport.room();
    const widest = Math.min(WIDEST, PART * across);
    this.scale = Math.min(widest / size[0], Math.min(HIGHEST, PART * down) / size[1]);
    set(this.element, {
      width: Math.max(12, size[0] * this.scale),
      height: Math.max(12, size[1] * this.scale),
      viewBox: `0 0 ${size[0]} ${size[1]}`,
    });
    const [left, top] = [Math.max(0, x), Math.max(0, y)];
    set(this.section, {
      x: left,
      y: top,
      width: Math.max(1, Math.min(x + width, size[0]) - left),
      height: Math.max(1, Math.min(y + height, size[1]) - top),
      "stroke-width": 1.5 / this.scale,
    });
  }
}
