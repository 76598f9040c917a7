// The graph: each node keeps its element from one structure to the next, and glides to its place.
import { interpolateBox, eased, interpolatePath } from "./transition";
import { ClusterShape } from "./cluster";
import { set, svg } from "../dom";
import { NOT_YET, PENDING } from "../../wire/vocabulary";
import type { Model } from "../model";
import type { Subject } from "../subject";
import { NodeShape } from "./node";
import type { Box, Structure } from "../../wire/frames";
import { nearest, type Direction } from "./keyboard";
import { Viewport } from "./viewport";

const GLIDE = 420; // milliseconds

type Shape = NodeShape | ClusterShape;

interface Item extends Subject {
  readonly shape: Shape;
  readonly box: Box;
}

let graphs = 0;

export class Graph {
  readonly element: SVGSVGElement;
  readonly viewport: Viewport;
  private readonly clusters = svg("g");
  private readonly links = svg("g");
  private readonly nodes = svg("g");
  private readonly shapes = new Map<string, Shape>();
  private readonly paths = new Map<string, SVGPathElement>();
  private readonly places = new Map<string, Box>();
  private readonly tip: string;
  private items: readonly Item[] = [];
  private structure: Structure | null = null;
  private glide = 0;

  constructor(
    private readonly pick: (picked: Subject) => void,
    signal: AbortSignal,
  ) {
    graphs += 1;
    this.tip = `resnb-tip-${graphs}-${Math.random().toString(36).slice(2)}`;
    const content = svg("g", {}, this.clusters, this.links, this.nodes);
    this.element = svg("svg", { class: "graph", role: "group" }, this.arrows(), content);
    this.viewport = new Viewport(this.element, content, signal);
    this.element.addEventListener("click", this.clicked, { signal });
    this.element.addEventListener("keydown", this.keyed, { signal });
    signal.addEventListener("abort", () => {
      cancelAnimationFrame(this.glide);
    });
  }

  show(model: Model): void {
    const { structure } = model;
    if (structure === null) {
      return;
    }
    if (structure !== this.structure) {
      this.rebuild(structure);
    }
    structure.nodes.forEach(({ id }, place) => {
      const shape = this.shapes.get(`node ${id}`);
      if (shape instanceof NodeShape) {
        shape.show(
          model.codes[place] ?? PENDING,
          model.counts.get(place) ?? [],
          model.notes.get(place) ?? "",
        );
      }
    });
    structure.clusters.forEach(({ id }, place) => {
      const shape = this.shapes.get(`cluster ${id}`);
      if (shape instanceof ClusterShape) {
        shape.show(model.leases[place] ?? NOT_YET, model.stacks.get(place));
      }
    });
  }

  /** Highlight the nodes with a text in their name; returns how many. `go` picks the next one. */
  search(text: string, go: boolean): number {
    const wanted = text.trim().toLowerCase();
    set(this.element, { "data-searching": wanted !== "" });
    const hits = this.items.filter(({ id, shape }) => {
      const isHit = wanted !== "" && id.toLowerCase().includes(wanted);
      set(shape.element, { "data-hit": isHit });
      return isHit;
    });
    if (go) {
      const at = hits.findIndex(({ shape }) => shape.element.hasAttribute("data-found"));
      this.items.forEach(({ shape }) => {
        set(shape.element, { "data-found": false });
      });
      const next = hits[(at + 1) % Math.max(hits.length, 1)];
      if (next !== undefined) {
        set(next.shape.element, { "data-found": true });
        this.pick({ what: next.what, id: next.id });
      }
    }
    return hits.length;
  }

  /** Mark the nodes with these names. */
  mark(ids: ReadonlySet<string>): void {
    for (const { what, id, shape } of this.items) {
      set(shape.element, { "data-marked": what === "node" && ids.has(id) });
    }
  }

  /** Highlight what is inspected. */
  select(picked: Subject | null): void {
    for (const item of this.items) {
      const isIt = item.what === picked?.what && item.id === picked.id;
      set(item.shape.element, { "aria-pressed": isIt ? "true" : "false" });
      if (isIt) {
        this.reveal(item);
      }
    }
  }

  // ---- structure

  private rebuild(structure: Structure): void {
    const isFirst = this.structure === null;
    this.structure = structure;
    set(this.element, { "aria-label": `flow ${structure.name}` });
    const before = new Map(this.places);
    this.items = [
      ...structure.clusters.map((info): Item => {
        const shape = this.clusterOf(info.id) ?? new ClusterShape(info);
        shape.moved(info);
        return { what: "cluster", id: info.id, shape, box: info.box };
      }),
      ...structure.nodes.map((info): Item => {
        const shape = this.nodeOf(info.id) ?? new NodeShape(info);
        shape.moved(info);
        return { what: "node", id: info.id, shape, box: info.box };
      }),
    ];
    this.shapes.clear();
    this.places.clear();
    for (const item of this.items) {
      const key = `${item.what} ${item.id}`;
      this.shapes.set(key, item.shape);
      this.places.set(key, before.get(key) ?? item.box);
      set(item.shape.element, { "data-new": !isFirst && !before.has(key) });
    }
    this.clusters.replaceChildren(...this.elementsOf("cluster"));
    this.nodes.replaceChildren(...this.elementsOf("node"));
    this.setTabStop(this.items[0]?.shape.element);
    this.viewport.resized(structure.size);
    this.move(structure, isFirst);
  }

  private nodeOf(id: string): NodeShape | null {
    const found = this.shapes.get(`node ${id}`);
    return found instanceof NodeShape ? found : null;
  }

  private clusterOf(id: string): ClusterShape | null {
    const found = this.shapes.get(`cluster ${id}`);
    return found instanceof ClusterShape ? found : null;
  }

  private elementsOf(what: Subject["what"]): readonly SVGElement[] {
    return this.items.filter((item) => item.what === what).map(({ shape }) => shape.element);
  }

  private move(structure: Structure, atOnce: boolean): void {
    cancelAnimationFrame(this.glide);
    const from = new Map(this.places);
    const paths = this.relink(structure);
    const began = performance.now();
    const isCalm = atOnce || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = (now: number): void => {
      const time = isCalm ? 1 : Math.min(1, Math.max(0, (now - began) / GLIDE));
      for (const { what, id, shape, box } of this.items) {
        const key = `${what} ${id}`;
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

  private relink(structure: Structure): readonly (readonly [SVGPathElement, string, string])[] {
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
        "data-new": old === undefined,
        "marker-end": `url(#${this.tip}${isOwn ? "-own" : ""})`,
      });
      this.paths.set(key, path);
      return [path, old?.getAttribute("d") ?? link.path, link.path] as const;
    });
    this.links.replaceChildren(...this.paths.values());
    return moves;
  }

  private arrows(): SVGDefsElement {
    const box = { refX: 6, refY: 2.6, markerWidth: 7, markerHeight: 6, orient: "auto" };
    const arrow = (id: string, name: string): SVGMarkerElement =>
      svg(
        "marker",
        { id, markerUnits: "userSpaceOnUse", ...box },
        svg("path", { d: "M0,0L6,2.6L0,5.2Z", class: name }),
      );
    return svg("defs", {}, arrow(this.tip, "tip"), arrow(`${this.tip}-own`, "own-tip"));
  }

  // ---- input

  private readonly clicked = (event: Event): void => {
    const item = this.itemOf(event);
    if (item !== undefined) {
      this.setTabStop(item.shape.element);
      this.pick({ what: item.what, id: item.id });
    }
  };

  private readonly keyed = (event: KeyboardEvent): void => {
    const item = this.itemOf(event);
    if (event.key === "+" || event.key === "-") {
      this.viewport.zoom(event.key === "+" ? 1 : -1);
    } else if (event.key === "0") {
      this.viewport.fit();
    } else if (item === undefined) {
      return;
    } else if (event.key === "Enter" || event.key === " ") {
      this.pick({ what: item.what, id: item.id });
    } else if (isDirection(event.key)) {
      const boxes = this.items.map(({ box }) => box);
      const next = nearest(boxes, this.items.indexOf(item), event.key);
      const found = next === null ? undefined : this.items[next];
      if (found !== undefined) {
        this.setTabStop(found.shape.element);
        found.shape.element.focus({ preventScroll: true });
        this.reveal(found);
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // the notebook has its own shortcuts
  };

  private reveal({ what, box: [x, y, width, height] }: Item): void {
    if (what === "node") {
      this.viewport.reveal(x + width / 2, y + height / 2);
    }
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
