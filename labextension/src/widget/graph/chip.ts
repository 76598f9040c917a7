// What a scope does for itself, as a chip in its header: how far init, set-up and clean-up are.
// Pressing it shows them as tasks, or puts them back.
import { set, setText, svg } from "../dom";
import { PENDING } from "../../wire/vocabulary";
import type { Box, ClusterInfo, StateCode } from "../../wire/frames";
import { className, taskLook } from "../vocabulary";

const STEPS = ["init", "set-up", "clean-up"] as const;
const WIDTH = 50;
const HEIGHT = 14;
const SIDE = 7;
const OPENED = "M38,5.5l3,3l3,-3";
const FOLDED = "M39.5,4l3,3l-3,3";

export class Chip {
  readonly element: SVGGElement;
  private readonly ring = svg("rect", { class: "ring", width: WIDTH, height: HEIGHT, rx: 7 });
  private readonly body = svg("rect", { class: "body", width: WIDTH, height: HEIGHT, rx: 7 });
  private readonly steps = STEPS.map((_, place) =>
    svg("rect", { x: 6 + 10 * place, y: 4, width: 8, height: 6, rx: 1.5 }),
  );
  private readonly arrow = svg("path", { class: "arrow" });
  private readonly title = svg("title");

  constructor() {
    const { title, ring, body, steps, arrow } = this;
    this.element = svg("g", { class: "chip", role: "button", tabindex: -1 });
    this.element.append(title, ring, body, ...steps, arrow);
  }

  /** Where it stands in a cluster's box. */
  static box([x, y, width]: Box): Box {
    return [x + width - WIDTH - SIDE, y + 4, WIDTH, HEIGHT];
  }

  show(
    { id, inside, name: whole }: ClusterInfo,
    codes: readonly [StateCode, StateCode, StateCode] = [PENDING, PENDING, PENDING],
  ): void {
    const isFolded = inside.length > 0;
    const words = STEPS.map((step, place) => `${step} ${taskLook(codes[place] ?? PENDING).word}`);
    const name = `${whole ?? id}: ${words.join(", ")}; ${isFolded ? "show them as tasks" : "put them back"}`;
    this.steps.forEach((step, place) => {
      set(step, { class: `step tone is-${className(taskLook(codes[place] ?? PENDING).word)}` });
    });
    set(this.arrow, { d: isFolded ? FOLDED : OPENED });
    set(this.element, { "aria-label": name, "aria-expanded": isFolded ? "false" : "true" });
    setText(this.title, name);
  }
}
