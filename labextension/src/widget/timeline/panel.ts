// The timeline of the latest run, below the graph: bars in workers' lanes, resources behind them.
import {
  layoutOf,
  type NameOf,
  type TimelineLayout,
  type PlacedBand,
  type PlacedBar,
} from "./layout";
import { html, setText, set, svg } from "../dom";
import { fitWidth } from "../graph/node";
import type { Box, TimelineInfo } from "../../wire/frames";
import type { Subject } from "../subject";
import { nearest, type Direction } from "../graph/keyboard";
import { className, leaseLook, taskLook } from "../vocabulary";

const NONE = "No run to show yet. What runs next appears here.";
const DIRECTIONS: ReadonlySet<string> = new Set([
  "ArrowUp",
  "ArrowDown",
  "ArrowLeft",
  "ArrowRight",
]);

interface Item {
  readonly key: string;
  readonly box: Box;
  readonly element: SVGGElement;
  readonly picked: Subject | null;
}

export class TimelinePanel {
  readonly element: HTMLElement;
  private readonly picture = svg("svg", { role: "group" });
  private readonly note = html("p", { class: "more" });
  private readonly key = key();
  private timeline: TimelineInfo | null = null;
  private nameOf: NameOf = ({ id }) => id;
  private items: readonly Item[] = [];
  private picked: Subject | null = null;
  private focused = "";
  private width = 0;

  constructor(
    private readonly pick: (picked: Subject) => void,
    signal: AbortSignal,
  ) {
    this.element = html("section", { class: "timeline" }, this.picture, this.note, this.key);
    this.picture.addEventListener("click", this.clicked, { signal });
    this.picture.addEventListener("keydown", this.keyed, { signal });
    const observer = new ResizeObserver(() => {
      if (Math.abs(this.element.clientWidth - this.width) > 1) {
        this.draw();
      }
    });
    observer.observe(this.element);
    signal.addEventListener("abort", () => {
      observer.disconnect();
    });
  }

  /** Show a run; `nameOf` knows the whole names of what the run calls by ids. */
  show(timeline: TimelineInfo | null, nameOf: NameOf): void {
    this.nameOf = nameOf;
    if (timeline !== this.timeline || this.note.textContent === "") {
      this.timeline = timeline;
      this.draw();
    }
  }

  /** Highlight what is inspected. */
  select(picked: Subject | null): void {
    this.picked = picked;
    for (const { element, picked: own } of this.items) {
      const isIt = own !== null && own.what === picked?.what && own.id === picked.id;
      set(element, { "aria-pressed": isIt ? "true" : "false" });
    }
  }

  // ---- drawing

  private draw(): void {
    const { timeline } = this;
    this.width = this.element.clientWidth;
    if (timeline === null || this.width === 0) {
      this.items = [];
      this.picture.replaceChildren();
      set(this.picture, { hidden: true });
      set(this.key, { hidden: true });
      setText(this.note, NONE);
      return;
    }
    const had = this.picture.contains(document.activeElement);
    const found = layoutOf(timeline, this.width, this.nameOf);
    const [width, height] = found.size;
    const bands = found.bands.map((band) => this.band(band));
    const bars = found.bars.map((bar) => this.bar(bar));
    this.items = [...bands, ...bars];
    const lease = found.bands.find(({ open }) => open !== null)?.info.lease ?? "open";
    this.key.querySelectorAll(".zone").forEach((sample) => {
      set(sample, { class: `zone is-${className(lease)}` }); // in the colours of this picture
    });
    set(this.key, { hidden: false });
    set(this.picture, { hidden: false, width, height, viewBox: `0 0 ${width} ${height}` });
    set(this.picture, { "aria-label": "what ran when, and when resources were open" });
    this.picture.replaceChildren(
      ...scale(found),
      ...found.bands.map(shade),
      ...this.items.map(({ element }) => element),
      ...labels(found),
    );
    this.picture.querySelectorAll("text.name").forEach((text) => {
      fitWidth(text as SVGTextElement, Number(text.getAttribute("data-room")));
    });
    this.say(timeline);
    this.select(this.picked);
    this.setTabStop(this.items.find(({ key }) => key === this.focused) ?? this.items[0], had);
  }

  private say({ more, lanes }: TimelineInfo): void {
    const merged = lanes.some(({ bars }) => bars.some(([, , , , , many]) => many > 1));
    const parts = [
      merged ? "Tasks that are too short to be drawn apart are drawn as one." : "",
      more > 0 ? `${more} more ${more === 1 ? "resource" : "resources"} not shown.` : "",
    ];
    setText(this.note, parts.join(" "));
  }

  private bar(bar: PlacedBar): Item {
    const [x, y, width, height] = bar.box;
    const words = [`node task-bar is-${className(taskLook(bar.code).word)}`];
    words.push(bar.isStep ? "step" : "", bar.isNarrow ? "narrow" : "");
    const shape = { x, y, width, height, rx: bar.isNarrow ? 0 : 2 };
    const title = svg("title", {}, bar.name);
    const element = svg("g", { role: "button", tabindex: -1, "aria-label": bar.name }, title);
    set(element, { class: words.filter((word) => word !== "").join(" ") });
    element.append(svg("rect", { class: "body", ...shape }));
    if (bar.isStep) {
      element.append(stripes(bar.box));
    }
    if (bar.text !== "") {
      const at = { x: x + width / 2, y: y + height / 2 };
      element.append(
        svg(
          "text",
          { class: "name", ...at, "data-room": width - 4, "aria-hidden": "true" },
          bar.text,
        ),
      );
    }
    const picked: Subject | null = bar.node === "" ? null : { what: "node", id: bar.node };
    return { key: bar.key, box: bar.box, element, picked };
  }

  private band({ info, row, words, open, used, steps, goesOn }: PlacedBand): Item {
    const whole = this.nameOf({ what: "cluster", id: info.id });
    const name = `${whole}, ${leaseLook(info.lease).word}, ${info.words}`;
    const element = svg(
      "g",
      { class: `cluster is-${className(info.lease)}`, role: "button", tabindex: -1 },
      svg("title", {}, name),
      svg("rect", { class: "ground", ...sides(row) }),
      svg("text", { x: words[0], y: words[1], "aria-hidden": "true" }, info.words),
    );
    set(element, { "aria-label": name });
    for (const step of steps) {
      element.append(svg("rect", { class: "body", ...sides(step) }), stripes(step));
    }
    if (open !== null) {
      element.append(svg("rect", { class: "body", ...sides(open) }));
      element.append(...used.map((box) => svg("rect", { class: "used", ...sides(box) })));
      const [x, y, width, height] = open;
      for (const [at, isSo] of [
        [x + 9, goesOn[0]],
        [x + width - 9, goesOn[1]],
      ] as const) {
        if (isSo) {
          element.append(gap(at, y, height));
        }
      }
    }
    return { key: info.id, box: row, element, picked: { what: "cluster", id: info.id } };
  }

  // ---- input

  private readonly clicked = (event: Event): void => {
    const item = this.itemOf(event);
    if (item !== undefined) {
      this.setTabStop(item, false);
      this.choose(item);
    }
  };

  private readonly keyed = (event: KeyboardEvent): void => {
    const item = this.itemOf(event);
    if (item === undefined) {
      return;
    }
    if (event.key === "Enter" || event.key === " ") {
      this.choose(item);
    } else if (DIRECTIONS.has(event.key)) {
      const boxes = this.items.map(({ box }) => box);
      const next = nearest(boxes, this.items.indexOf(item), event.key as Direction);
      this.setTabStop(next === null ? item : this.items[next], true);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // the notebook has its own shortcuts
  };

  private choose({ picked }: Item): void {
    if (picked !== null) {
      this.pick(picked);
    }
  }

  private itemOf(event: Event): Item | undefined {
    const { target } = event;
    return this.items.find(({ element }) => target instanceof Node && element.contains(target));
  }

  /** Make one element the tab stop of the timeline. */
  private setTabStop(to: Item | undefined, withFocus: boolean): void {
    this.focused = to?.key ?? "";
    for (const { element } of this.items) {
      set(element, { tabindex: element === to?.element ? 0 : -1 });
    }
    if (withFocus) {
      to?.element.focus({ preventScroll: true });
    }
  }
}

/** What the shapes mean. */
function key(): HTMLElement {
  const sample = (name: string, kind: string, ...shapes: readonly SVGElement[]): HTMLElement => {
    const picture = svg("svg", {
      viewBox: "0 0 24 14",
      width: 24,
      height: 14,
      "aria-hidden": "true",
    });
    picture.append(svg("g", { class: kind }, ...shapes));
    return html("li", {}, picture, name);
  };
  const box = [1, 1, 22, 12] as const;
  const bar = (): SVGElement => svg("rect", { class: "body", ...sides(box), rx: 2 });
  const open = (): SVGElement => svg("rect", { class: "body", ...sides([1, 2, 22, 10]) });
  return html(
    "ul",
    { class: "key", "aria-label": "what the shapes mean" },
    sample("task", "tone is-success", bar()),
    sample("failed", "tone is-failed", bar()),
    sample("set-up, clean-up", "tone is-success", bar(), stripes(box)),
    sample("resource open, idle", "zone is-open", open()),
    sample(
      "in use",
      "zone is-open",
      open(),
      svg("rect", { class: "used", ...sides([1, 2, 22, 10]) }),
    ),
    sample("open before or after this run", "zone is-open", open(), gap(9, 2, 10)),
  );
}

/** The place where a band is cut short. */
function gap(at: number, y: number, height: number): SVGElement {
  return svg("rect", { class: "gap", ...sides([at - 2, y - 2, 4, height + 4]) });
}

function sides([x, y, width, height]: Box): Readonly<Record<string, number>> {
  return { x, y, width, height };
}

function stripes([x, y, width, height]: Box): SVGPathElement {
  const lines: string[] = [];
  for (let at = 3; at < width - 1; at += 5) {
    lines.push(`M${x + at},${y + height - 1}V${y + 1}`);
  }
  return svg("path", { class: "stripes", d: lines.join("") });
}

function shade({ info, shade: box }: PlacedBand): SVGElement {
  const element = svg("g", { class: `cluster is-${className(info.lease)}`, "aria-hidden": "true" });
  if (box !== null) {
    element.append(svg("rect", { class: "shade", ...sides(box) }));
  }
  return element;
}

function scale({ ticks, lines, left, right, bottom }: TimelineLayout): readonly SVGElement[] {
  const across = lines.map((y) => `M${left},${y}H${right}`).join("");
  const down = ticks.map(({ x }) => `M${x},4V${bottom + 3}`).join("");
  return [
    svg("path", { class: "grid", d: across + down }),
    ...ticks.map(({ x, label }) => svg("text", { class: "tick", x, y: bottom + 14 }, label)),
  ];
}

function labels({ labels: found }: TimelineLayout): readonly SVGElement[] {
  return found.map(({ text, y, lease }) =>
    svg(
      "g",
      {
        class: lease === null ? "lane" : `lane cluster is-${className(lease)}`,
        "aria-hidden": "true",
      },
      svg("text", { x: 10, y }, text),
    ),
  );
}
