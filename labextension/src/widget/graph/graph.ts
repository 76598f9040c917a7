// The graph: each node keeps its element from one structure to the next, and glides to its place.
import { interpolateBox, eased, interpolatePath } from "./transition";
import { Chip } from "./chip";
import { ClusterShape } from "./cluster";
import { set, svg } from "../dom";
import { NOT_YET, PENDING, RUNNING } from "../../wire/vocabulary";
import type { Model } from "../model";
import type { Subject } from "../subject";
import { focusOf, hitsIn, itemOf, placeOf, sizeOf, type Item, type Shape } from "./items";
import { NodeShape } from "./node";
import type { Box, Structure } from "../../wire/frames";
import { nearest, type Direction } from "./keyboard";
import { Minimap } from "./minimap";
import { arrows } from "./arrows";
import { Viewport } from "./viewport";
import { scopeTime, stepText, taskTime } from "../words";

const GLIDE = 420; // milliseconds
const NONE: readonly never[] = [];

/** What a graph asks for. */
export interface GraphActions {
  readonly pick: (picked: Subject) => void;
  /** Show what is folded into something, or put it back. */
  readonly unfold: (subject: Subject, unfolds: boolean) => void;
}

const OWN: ReadonlySet<string> = new Set(["init", "setup", "cleanup"]);

let graphs = 0;

export class Graph {
  readonly element: SVGSVGElement;
  readonly minimap: SVGSVGElement;
  readonly viewport: Viewport;
  private readonly clusters = svg("g");
  private readonly links = svg("g");
  private readonly headings = svg("g");
  private readonly nodes = svg("g");
  private readonly chips = svg("g");
  private readonly map: Minimap;
  private readonly shapes = new Map<string, Shape>();
  private readonly paths = new Map<string, SVGPathElement>();
  private readonly places = new Map<string, Box>();
  private readonly tip: string;
  private items: readonly Item[] = [];
  private structure: Structure | null = null;
  private model: Model | null = null;
  private sought = "";
  private found = ""; // the task that was found last
  private picked: string | null = null; // the key of what is inspected
  private wanted: string | null = null; // a task that is being unfolded, to be picked then
  private glide = 0;

  constructor(
    private readonly actions: GraphActions,
    signal: AbortSignal,
  ) {
    graphs += 1;
    this.tip = `resnb-tip-${graphs}-${Math.random().toString(36).slice(2)}`;
    const content = svg("g", {}, this.clusters, this.links, this.headings, this.nodes, this.chips);
    this.element = svg("svg", { class: "graph", role: "group" }, arrows(this.tip), content);
    const moved = (): void => {
      this.map.moved();
    };
    this.viewport = new Viewport(this.element, content, moved, signal);
    this.map = new Minimap(this.viewport, signal);
    this.minimap = this.map.element;
    this.element.addEventListener("click", this.clicked, { signal });
    this.element.addEventListener("keydown", this.keyed, { signal });
    signal.addEventListener("abort", () => {
      cancelAnimationFrame(this.glide);
    });
  }

  show(model: Model, now: number): void {
    const { structure } = model;
    if (structure === null) {
      return;
    }
    this.model = model;
    if (structure !== this.structure) {
      this.rebuild(structure);
    }
    structure.nodes.forEach(({ id }, place) => {
      const shape = this.shapes.get(`node ${id}`);
      if (shape instanceof NodeShape) {
        shape.show(
          model.codes[place] ?? PENDING,
          model.counts.get(place) ?? NONE,
          model.notes.get(place) ?? "",
          this.taskTime(model, place, now),
          model.marks.get(place),
        );
      }
    });
    structure.clusters.forEach((info, place) => {
      const time = model.scopes.get(place);
      const lease = model.leases[place] ?? NOT_YET;
      const shape = this.shapes.get(`cluster ${info.id}`);
      if (shape instanceof ClusterShape) {
        const texts = [scopeTime(time, info.cost, now), stepText(time, lease, now)] as const;
        shape.show(lease, model.stacks.get(place), ...texts);
      }
      const chip = this.shapes.get(`chip ${info.id}`);
      if (chip instanceof Chip) {
        chip.show(info, time?.value.steps);
      }
    });
    this.map.show(model);
    this.viewport.follow(focusOf(model));
    if (this.wanted !== null && this.shapes.has(`node ${this.wanted}`)) {
      const id = this.wanted;
      this.wanted = null;
      this.actions.pick({ what: "node", id });
    }
  }

  /** Count on where something is running or open. */
  tick(now: number): void {
    const { model } = this;
    model?.structure?.nodes.forEach(({ id, mapped }, place) => {
      const shape = this.shapes.get(`node ${id}`);
      if (model.codes[place] === RUNNING && !mapped && shape instanceof NodeShape) {
        const time = this.taskTime(model, place, now);
        if (time !== "") {
          shape.tick(time);
        }
      }
    });
    model?.structure?.clusters.forEach(({ id, cost }, place) => {
      const shape = this.shapes.get(`cluster ${id}`);
      const lease = model.leases[place] ?? NOT_YET;
      if (lease !== NOT_YET && shape instanceof ClusterShape) {
        const time = model.scopes.get(place);
        shape.tick(scopeTime(time, cost, now), stepText(time, lease, now));
      }
    });
  }

  private taskTime(model: Model, place: number, now: number): string {
    return taskTime(model.times.get(place), model.codes[place] === RUNNING, now);
  }

  /**
   * Highlight the tasks with a text in their name, and what they are folded into; returns how many.
   * `go` picks the next one, and unfolds it.
   */
  search(text: string, go: boolean): number {
    this.sought = text;
    const names = this.highlight();
    if (go && names.length > 0) {
      this.found = names[(names.indexOf(this.found) + 1) % names.length] ?? "";
      this.go(this.found);
    }
    return names.length;
  }

  private highlight(): readonly string[] {
    const { names, keys } = hitsIn(this.structure, this.sought);
    set(this.element, { "data-searching": this.sought.trim() !== "" });
    for (const { key, shape } of this.items) {
      set(shape.element, { "data-hit": keys.has(key) });
    }
    return names;
  }

  /** Pick a task, and unfold it if it is folded. */
  go(id: string): void {
    const { structure } = this;
    const node = structure?.nodes.find(({ inside }) => inside?.includes(id));
    const cluster = structure?.clusters.find(({ inside }) => inside.includes(id));
    if (!this.shapes.has(`node ${id}`) && (node ?? cluster) !== undefined) {
      this.wanted = id;
      const what = node === undefined ? "cluster" : "node";
      this.actions.unfold({ what, id: (node ?? cluster)?.id ?? "" }, true);
    }
    this.actions.pick({ what: "node", id });
  }

  /** Mark the nodes with these names. */
  mark(ids: ReadonlySet<string>): void {
    for (const { layer, id, shape } of this.items) {
      set(shape.element, { "data-marked": layer === "node" && ids.has(id) });
    }
  }

  /** Highlight what is inspected. */
  select(picked: Subject | null): void {
    this.picked = picked === null ? null : `${picked.what} ${picked.id}`;
    for (const item of this.items) {
      if (item.layer !== "chip") {
        const isIt = item.layer === picked?.what && item.id === picked.id;
        set(item.shape.element, { "aria-pressed": isIt ? "true" : "false" });
        if (isIt) {
          this.reveal(item);
        }
      }
    }
  }

  // ---- structure

  private rebuild(structure: Structure): void {
    const isFirst = this.structure === null;
    this.structure = structure;
    set(this.element, { "aria-label": `flow ${structure.name}` });
    const before = new Map(this.places);
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    const chosen =
      this.items.find(({ shape }) => shape.element.contains(focused))?.key ?? this.picked;
    const chosenBefore = this.boxOf(chosen);
    const own = new Set(
      structure.nodes.filter(({ kind }) => OWN.has(kind)).map((one) => one.cluster),
    );
    this.items = [
      ...structure.clusters.map((info): Item => {
        const shape = this.known(`cluster ${info.id}`, ClusterShape) ?? new ClusterShape(info);
        shape.moved(info);
        return itemOf("cluster", info.id, shape, info.box);
      }),
      ...structure.nodes.map((info): Item => {
        const shape = this.known(`node ${info.id}`, NodeShape) ?? new NodeShape(info);
        shape.moved(info);
        return itemOf("node", info.id, shape, info.box);
      }),
      ...structure.clusters
        .filter(({ inside, box }, place) => box[2] > 0 && (inside.length > 0 || own.has(place)))
        .map(({ id, box }) =>
          itemOf("chip", id, this.known(`chip ${id}`, Chip) ?? new Chip(), Chip.box(box)),
        ),
    ];
    this.shapes.clear();
    this.places.clear();
    for (const item of this.items) {
      const { key } = item;
      this.shapes.set(key, item.shape);
      this.places.set(key, before.get(key) ?? item.box);
      set(item.shape.element, { "data-new": !isFirst && !before.has(key) });
    }
    this.clusters.replaceChildren(...this.elementsOf("cluster"));
    this.headings.replaceChildren(
      ...this.items.flatMap(({ shape }) => (shape instanceof ClusterShape ? [shape.heading] : [])),
    );
    this.nodes.replaceChildren(...this.elementsOf("node"));
    this.chips.replaceChildren(...this.elementsOf("chip"));
    this.setTabStop(
      this.items.find(({ shape }) => shape.element.contains(focused))?.shape.element ??
        this.items[0]?.shape.element,
    );
    this.highlight();
    this.viewport.resized(sizeOf(structure));
    this.viewport.carry(chosenBefore, this.boxOf(chosen));
    this.move(structure, isFirst);
    if (focused instanceof SVGElement && this.element.contains(focused)) {
      focused.focus({ preventScroll: true }); // it was put elsewhere in the page
    }
  }

  private boxOf(wanted: string | null): Box | null {
    return this.items.find(({ key }) => key === wanted)?.box ?? null;
  }

  private known<S extends Shape>(key: string, kind: new (...info: never[]) => S): S | null {
    const found = this.shapes.get(key);
    return found instanceof kind ? found : null;
  }

  private elementsOf(layer: Item["layer"]): readonly SVGElement[] {
    return this.items.filter((item) => item.layer === layer).map(({ shape }) => shape.element);
  }

  private move(structure: Structure, atOnce: boolean): void {
    cancelAnimationFrame(this.glide);
    const from = new Map(this.places);
    const paths = this.relink(structure, atOnce);
    const began = performance.now();
    const isCalm = atOnce || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = (now: number): void => {
      const time = isCalm ? 1 : Math.min(1, Math.max(0, (now - began) / GLIDE));
      for (const { key, shape, box } of this.items) {
        const place = interpolateBox(from.get(key) ?? box, box, eased(time));
        this.places.set(key, place);
        set(shape.element, { transform: `translate(${place[0]},${place[1]})` });
        if (shape instanceof ClusterShape) {
          shape.place(place);
        }
      }
      for (const [path, start, end] of paths) {
        set(path, { d: interpolatePath(start, end, eased(time)) ?? end });
      }
      if (time < 1) {
        this.glide = requestAnimationFrame(step);
      } else if (now > began) {
        this.settle(); // else the animation would start again when it is put back into the page
      }
    };
    step(began);
  }

  private settle(): void {
    for (const one of [...this.items.map(({ shape }) => shape.element), ...this.paths.values()]) {
      set(one, { "data-new": false });
    }
  }

  private relink(
    structure: Structure,
    isFirst: boolean,
  ): readonly (readonly [SVGPathElement, string, string])[] {
    const known = new Map(this.paths);
    this.paths.clear();
    const moves = structure.links.map((link) => {
      const ends = [structure.nodes[link.source]?.id, structure.nodes[link.target]?.id];
      const key = JSON.stringify(ends);
      const old = known.get(key);
      const path = old ?? svg("path");
      const isOwn = link.kind === "setup" || link.kind === "cleanup";
      set(path, {
        class: `link link-${link.kind}`,
        "data-new": !isFirst && old === undefined,
        "marker-end": `url(#${this.tip}${isOwn ? "-own" : ""})`,
      });
      this.paths.set(key, path);
      return [path, old?.getAttribute("d") ?? link.path, link.path] as const;
    });
    this.links.replaceChildren(...this.paths.values());
    return moves;
  }

  // ---- input

  private readonly clicked = (event: Event): void => {
    const item = this.itemOf(event);
    if (item !== undefined) {
      this.setTabStop(item.shape.element);
      this.press(item);
    }
  };

  private press({ layer, id }: Item): void {
    if (layer === "chip") {
      const info = this.structure?.clusters.find((one) => one.id === id);
      this.actions.unfold({ what: "cluster", id }, (info?.inside.length ?? 0) > 0);
    } else {
      this.actions.pick({ what: layer, id });
    }
  }

  private readonly keyed = (event: KeyboardEvent): void => {
    const item = this.itemOf(event);
    if (event.key === "+" || event.key === "-") {
      this.viewport.zoom(event.key === "+" ? 1 : -1);
    } else if (event.key === "0") {
      this.viewport.fit();
    } else if (item === undefined) {
      return;
    } else if (event.key === "Enter" || event.key === " ") {
      this.press(item);
    } else if (isDirection(event.key)) {
      const boxes = this.items.map(placeOf);
      const next = nearest(boxes, this.items.indexOf(item), event.key);
      const found = next === null ? undefined : this.items[next];
      if (found !== undefined) {
        this.setTabStop(found.shape.element);
        found.shape.element.focus({ preventScroll: true });
        this.reveal(found);
        found.shape.element.scrollIntoView({ block: "nearest", inline: "nearest" }); // of the page
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // the notebook has its own shortcuts
  };

  private reveal(item: Item): void {
    this.viewport.reveal(placeOf(item));
  }

  private itemOf(event: Event): Item | undefined {
    const target = event.target;
    return this.items.find(({ shape }) => target instanceof Node && shape.element.contains(target));
  }

  /** Make one element the tab stop of the graph. */
  private setTabStop(to: SVGElement | undefined): void {
    for (const { shape } of this.items) {
      set(shape.element, { tabindex: shape.element === to ? 0 : -1 });
    }
  }
}

function isDirection(key: string): key is Direction {
  return ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].includes(key);
}
