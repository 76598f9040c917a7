// One scope as SVG: a box in the colours of its lease, with its name, state and notes.
import { say, set, svg } from "./dom";
import { squeeze } from "./node";
import type { Box, ClusterInfo } from "./protocol";
import { className, leaseLook } from "./vocabulary";
import { clusterName } from "./words";

const SIDE = 9;

export class ClusterShape {
  readonly element: SVGGElement;
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
  }

  show(lease: string): void {
    const { info } = this;
    const look = leaseLook(lease);
    const unprotected = info.notes.some((note) => note.startsWith("unprotected"));
    const name = clusterName(info, lease);
    set(this.element, {
      class: `cluster is-${className(look.word)}${unprotected ? " unprotected" : ""}`,
      "aria-label": name,
      display: info.box[2] === 0 ? "none" : false,
    });
    say(this.title, name);
    const named = svg("tspan", { class: "id" });
    named.textContent = info.id;
    const said = svg("tspan", { class: "state" });
    said.textContent = lease === "not yet" ? "" : `  ${look.mark} ${look.word}`;
    this.name.replaceChildren(named, said);
    say(
      this.notes,
      info.notes.map((note) => (note === "unprotected" ? `⚠ ${note}` : note)).join(" · "),
    );
    squeeze(this.name, info.box[2] - 2 * SIDE);
    squeeze(this.notes, info.box[2] - 2 * SIDE);
  }
}
