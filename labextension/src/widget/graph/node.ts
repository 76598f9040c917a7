// A node as SVG: its outline, name and mark, and a bar of counts if it has children.
import { setText, set, svg } from "../dom";
import { DONE, FAILURES, RUNNING } from "../../wire/vocabulary";
import type { Count, NodeInfo, StateCode } from "../../wire/frames";
import { extra, outline } from "./shapes";
import { className, taskLook } from "../vocabulary";
import { countsText, markText, nodeName } from "../words";

const MARK_AT = 7.5;
const SIDE = 5;
const BAR = 2.5;

export class NodeShape {
  readonly element: SVGGElement;
  private readonly behind = svg("path", { class: "extra" });
  private readonly ring = svg("path", { class: "ring" });
  private readonly body = svg("path", { class: "body" });
  private readonly mark = svg("text", { class: "mark", "aria-hidden": "true" });
  private readonly name = svg("text", { class: "name", "aria-hidden": "true" });
  private readonly counts = svg("text", { class: "counts", "aria-hidden": "true" });
  private readonly bar = svg("g", { class: "bar" });
  private readonly title = svg("title");
  private info: NodeInfo;
  private shown: readonly unknown[] = [];

  constructor(info: NodeInfo) {
    this.info = info;
    this.element = svg(
      "g",
      { role: "button", tabindex: -1 },
      this.title,
      this.behind,
      this.ring,
      this.body,
      this.mark,
      this.name,
      this.counts,
      this.bar,
    );
  }

  /** Take the node's data from a new structure. */
  moved(info: NodeInfo): void {
    this.info = info;
    set(this.ring, { d: outline(info) });
    set(this.body, { d: outline(info) });
    set(this.behind, { d: extra(info) });
  }

  show(code: StateCode, counts: readonly Count[], note: string, time = "", mark = ""): void {
    const { info } = this;
    const [, , width, height] = info.box;
    const shown = [info, code, counts, note, time, mark];
    if (shown.every((one, place) => one === this.shown[place])) {
      return;
    }
    this.shown = shown;
    const look = taskLook(code);
    const name = nodeName(info, code, counts, note, code === RUNNING ? "" : time, mark);
    const isOne = info.kind === "folded" && counts.length === 1;
    const line = (isOne ? look.word : countsText(counts)) || markText(mark) || time;
    set(this.element, {
      class:
        `node kind-${info.kind}${info.mapped ? " mapped" : ""} is-${className(look.word)}` +
        (mark === "" ? "" : " marked"),
      "aria-label": name,
    });
    setText(this.title, name);
    setText(this.mark, look.mark);
    set(this.mark, { x: MARK_AT, y: height / 2 });
    setText(this.name, info.kind === "parameter" ? `${info.text} = ${note}` : info.text);
    setText(this.counts, line);
    const middle = width / 2;
    set(this.name, { x: middle, y: line ? height * 0.33 : height / 2 });
    set(this.counts, { x: middle, y: height * (this.hasBar(counts) ? 0.66 : 0.7) });
    this.showBar(counts, width, height);
    fitWidth(this.name, width - 2 * MARK_AT - SIDE);
    fitWidth(this.counts, width - 2 * MARK_AT - SIDE);
  }

  /** Count on, while it is running. */
  tick(time: string): void {
    setText(this.counts, time);
    fitWidth(this.counts, this.info.box[2] - 2 * MARK_AT - SIDE);
  }

  private hasBar(counts: readonly Count[]): boolean {
    return counts.length > 1;
  }

  private showBar(counts: readonly Count[], width: number, height: number): void {
    const total = counts.reduce((sum, [, many]) => sum + many, 0);
    const groups = [DONE, FAILURES, new Set<StateCode>([RUNNING])].map((codes) =>
      counts.reduce((sum, [code, many]) => sum + (codes.has(code) ? many : 0), 0),
    );
    let left = 6;
    const parts = this.hasBar(counts) ? groups : [];
    this.bar.replaceChildren(
      ...parts.map((many, place) => {
        const part = ((width - 12) * many) / total;
        const found = svg("rect", {
          class: ["done", "failed", "running"][place] ?? "",
          x: left,
          y: height - BAR - 3,
          width: part,
          height: BAR,
        });
        left += part;
        return found;
      }),
    );
  }
}

const fitted = new WeakMap<SVGTextElement, string>();

/** Condense a text to its room, where the font is wider than the layout's. */
export function fitWidth(text: SVGTextElement, room: number): void {
  const key = `${room} ${text.textContent}`;
  if (fitted.get(text) === key) {
    return;
  }
  text.removeAttribute("textLength");
  const length = text.textContent === "" ? 0 : text.getComputedTextLength();
  if (length > room) {
    set(text, { textLength: Math.max(room, 1), lengthAdjust: "spacingAndGlyphs" });
  }
  if (length > 0) {
    fitted.set(text, key); // else it is not in the page yet
  }
}
