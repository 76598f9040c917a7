// The legend: the meaning of shapes, colours and marks, drawn with the same shapes as the graph.
import { ClusterShape } from "./cluster";
import { html, svg } from "../dom";
import { LEASE_STATES, STATE_CODES, taskLook } from "../vocabulary";
import { NodeShape } from "./node";
import { PENDING, SUCCESS } from "../../wire/vocabulary";
import type { ClusterInfo, LeaseState, NodeKind, StateCode } from "../../wire/frames";

const KINDS: readonly (readonly [NodeKind, boolean, string])[] = [
  ["task", false, "task"],
  ["task", true, "mapped task"],
  ["parameter", false, "parameter"],
  ["case", false, "case, merge"],
  ["setup", false, "init, set-up, clean-up"],
  ["folded", false, "several tasks"],
];

/** Fill the legend when it is first shown, since texts can only be measured then. */
export function fillLegend(legend: HTMLElement): void {
  if (legend.childElementCount > 0) {
    return;
  }
  const list = (title: string, ...items: readonly HTMLElement[]): HTMLElement =>
    html("section", {}, html("h4", {}, title), html("ul", {}, ...items));
  const stale = node("task", false, SUCCESS, "stale: made of what has changed", "stale");
  legend.replaceChildren(
    list("Shapes", ...KINDS.map(([kind, mapped, name]) => node(kind, mapped, PENDING, name))),
    list(
      "Tasks",
      ...STATE_CODES.map((code) => node("task", false, code, taskLook(code).word)),
      stale,
    ),
    list("Scopes", ...LEASE_STATES.map((state) => cluster(state)), cluster("open", "mapped scope")),
  );
}

function node(
  kind: NodeKind,
  mapped: boolean,
  code: StateCode,
  name: string,
  mark = "",
): HTMLElement {
  const shape = new NodeShape({
    id: name,
    text: "",
    kind,
    mapped,
    cluster: null,
    box: [0, 0, 30, 16],
  });
  shape.moved({ id: name, text: "", kind, mapped, cluster: null, box: [0, 0, 30, 16] });
  const item = sample(shape.element, name);
  shape.show(code, [], "", "", mark);
  shape.element.querySelector(".name")?.remove();
  shape.element.querySelector(".counts")?.remove();
  return item;
}

function cluster(lease: LeaseState, name: string = lease): HTMLElement {
  const mapped = name !== lease;
  const box = [0, 0, 30, 16] as const;
  const info: ClusterInfo = {
    id: "",
    manager: "",
    parent: null,
    notes: [],
    mapped,
    box,
    inside: [],
    cost: null,
  };
  const shape = new ClusterShape(info);
  shape.place(info.box);
  const item = sample(shape.element, name);
  shape.show(lease);
  for (const rect of shape.element.querySelectorAll("rect")) {
    rect.setAttribute("rx", "4");
  }
  return item;
}

function sample(shape: SVGGElement, name: string): HTMLElement {
  shape.removeAttribute("role");
  const picture = svg("svg", { viewBox: "-2 -3 42 26", "aria-hidden": "true" }, shape);
  return html("li", {}, picture, name);
}
