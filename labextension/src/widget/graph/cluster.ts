// A scope as SVG: a box in the colours of its lease, with its name, state and notes.
import { setText, set, svg } from "../dom";
import { fitWidth } from "./node";
import { NOT_YET, UNPROTECTED } from "../../wire/vocabulary";
import type { Box, ClusterInfo, LeaseCount, LeaseState } from "../../wire/frames";
import { className, leaseLook } from "../vocabulary";
import { clusterName, stackText } from "../words";

const SIDE = 9;
const CHIP = 62; // what the chip takes at the right
const LINE = 12.5;
const UNHEARD = { "aria-hidden": "true" }; // the label says it all
const BEHIND = [6, 3];

export class ClusterShape {
  readonly element: SVGGElement;
  /** What is written on it, which no link is drawn over. */
  readonly heading: SVGGElement;
  /** The sheets behind a mapped scope. */
  private readonly behind = BEHIND.map((by) =>
    svg("rect", { class: "extra", rx: 9, x: by, y: by }),
  );
  private readonly ring = svg("rect", { class: "ring", rx: 9 });
  private readonly body = svg("rect", { class: "body", rx: 9 });
  private readonly name = svg("text", { class: "name", x: SIDE, y: 14, ...UNHEARD });
  private readonly step = svg("text", {
    class: "notes",
    y: 14,
    "text-anchor": "end",
    ...UNHEARD,
  });
  private readonly time = svg("text", { class: "notes", x: SIDE, ...UNHEARD });
  private readonly notes = svg("text", { class: "notes", x: SIDE, ...UNHEARD });
  private readonly title = svg("title");
  private info: ClusterInfo;

  constructor(info: ClusterInfo) {
    this.info = info;
    this.element = svg(
      "g",
      { role: "button", tabindex: -1 },
      this.title,
      ...this.behind,
      this.ring,
      this.body,
    );
    this.heading = svg("g", {}, this.name, this.step, this.time, this.notes);
  }

  moved(info: ClusterInfo): void {
    this.info = info;
  }

  place([x, y, width, height]: Box): void {
    set(this.body, { width, height });
    for (const sheet of [this.ring, ...this.behind]) {
      set(sheet, { width, height });
    }
    set(this.step, { x: width - CHIP });
    set(this.heading, { transform: `translate(${x},${y})` });
  }

  show(lease: LeaseState, stack: readonly LeaseCount[] = [], time = "", step = ""): void {
    const { info } = this;
    const isStack = info.mapped;
    const look = leaseLook(lease);
    const unprotected = info.notes.includes(UNPROTECTED);
    const name = clusterName(info, lease, stack, lease === "closed" ? time : "");
    for (const sheet of this.behind) {
      set(sheet, { display: isStack ? false : "none" });
    }
    const looks = `is-${className(look.word)}${unprotected ? " unprotected" : ""}`;
    const display = info.box[2] === 0 ? "none" : false;
    set(this.element, { class: `cluster ${looks}`, "aria-label": name, display });
    set(this.heading, { class: `scope-heading ${looks}`, display });
    setText(this.title, name);
    const named = svg("tspan", { class: "id" });
    named.textContent = info.id;
    const said = svg("tspan", { class: "state" });
    const word = isStack ? stackText(stack) : look.word;
    const isQuiet = lease === NOT_YET;
    const isSaid = lease === "open" && !isStack && time !== ""; // in the line below
    said.textContent = isQuiet
      ? isStack
        ? `  ${word}`
        : ""
      : `  ${look.mark}${isSaid ? "" : ` ${word}`}`;
    this.name.replaceChildren(named, said);
    setText(
      this.notes,
      info.notes.map((note) => (note === UNPROTECTED ? `⚠ ${note}` : note)).join(" · "),
    );
    this.tick(time, step);
    set(this.notes, { y: 14 + LINE * (time === "" ? 1 : 2) });
    fitWidth(this.notes, info.box[2] - 2 * SIDE);
  }

  /** Count on, while it is open or being set up. */
  tick(time: string, step: string): void {
    const width = this.info.box[2];
    setText(this.time, time);
    setText(this.step, step);
    set(this.time, { y: 14 + LINE });
    fitWidth(this.time, width - 2 * SIDE);
    fitWidth(this.name, width - 2 * SIDE - CHIP - this.step.getComputedTextLength());
  }
}
