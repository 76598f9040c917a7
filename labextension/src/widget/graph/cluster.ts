// A scope as SVG: a box in the colours of its lease, with its name, state and notes.
import { setText, set, svg } from "../dom";
import { fitWidth } from "./node";
import { NOT_YET, UNPROTECTED } from "../../wire/vocabulary";
import type { Box, ClusterInfo, LeaseCount, LeaseState } from "../../wire/frames";
import { className, leaseLook } from "../vocabulary";
import { clusterName, stackText } from "../words";

const SIDE = 9;
const BEHIND = [6, 3];

export class ClusterShape {
  readonly element: SVGGElement;
  /** The sheets behind a mapped scope. */
  private readonly behind = BEHIND.map((by) =>
    svg("rect", { class: "extra", rx: 9, x: by, y: by }),
  );
  private readonly ring = svg("rect", { class: "ring", rx: 9 });
  private readonly body = svg("rect", { class: "body", rx: 9 });
  private readonly name = svg("text", { class: "name", x: SIDE, y: 14 });
  private readonly notes = svg("text", { class: "notes", x: SIDE, y: 26 });
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
      this.name,
      this.notes,
    );
  }

  moved(info: ClusterInfo): void {
    this.info = info;
  }

  place([, , width, height]: Box): void {
    set(this.body, { width, height });
    for (const sheet of [this.ring, ...this.behind]) {
      set(sheet, { width, height });
    }
  }

  show(lease: LeaseState, stack: readonly LeaseCount[] = []): void {
    const { info } = this;
    const isStack = info.mapped;
    const look = leaseLook(lease);
    const unprotected = info.notes.includes(UNPROTECTED);
    const name = clusterName(info, lease, stack);
    for (const sheet of this.behind) {
      set(sheet, { display: isStack ? false : "none" });
    }
    set(this.element, {
      class: `cluster is-${className(look.word)}${unprotected ? " unprotected" : ""}`,
      "aria-label": name,
      display: info.box[2] === 0 ? "none" : false,
    });
    setText(this.title, name);
    const named = svg("tspan", { class: "id" });
    named.textContent = info.id;
    const said = svg("tspan", { class: "state" });
    const word = isStack ? stackText(stack) : look.word;
    const isQuiet = lease === NOT_YET;
    said.textContent = isQuiet ? (isStack ? `  ${word}` : "") : `  ${look.mark} ${word}`;
    this.name.replaceChildren(named, said);
    setText(
      this.notes,
      info.notes.map((note) => (note === UNPROTECTED ? `⚠ ${note}` : note)).join(" · "),
    );
    fitWidth(this.name, info.box[2] - 2 * SIDE);
    fitWidth(this.notes, info.box[2] - 2 * SIDE);
  }
}
