// What in a graph can be reached and pressed, and what of it a search finds. Pure.
import type { Chip } from "./chip";
import type { ClusterShape } from "./cluster";
import type { NodeShape } from "./node";
import type { Model } from "../model";
import { FAILURES, RUNNING } from "../../wire/vocabulary";
import type { Box, Structure } from "../../wire/frames";

const SHEETS = 6; // how far those behind a stack stand out

export type Shape = NodeShape | ClusterShape | Chip;

/** Something that can be reached and pressed. */
export interface Item {
  readonly key: string;
  readonly layer: "node" | "cluster" | "chip";
  readonly id: string;
  readonly shape: Shape;
  readonly box: Box;
}

export function itemOf(layer: Item["layer"], id: string, shape: Shape, box: Box): Item {
  return { key: `${layer} ${id}`, layer, id, shape, box };
}

/** Where one looks for it: of a large box the header. */
export function placeOf({ layer, box }: Item): Box {
  return layer === "cluster" ? [box[0], box[1], Math.min(box[2], 160), 20] : box;
}

/** The graph's width and height, with the sheets behind its stacks. */
export function sizeOf({ size: [width, height], nodes, clusters }: Structure): [number, number] {
  const isStacked = nodes.some((one) => one.mapped || one.kind === "folded");
  const more = isStacked || clusters.some(({ mapped }) => mapped) ? SHEETS : 0;
  return [width + more, height + more];
}

/** What a reader looks for first: what failed, what runs, else the beginning. */
export function focusOf({ structure, codes }: Model): Box | null {
  const failed = codes.findIndex((code) => FAILURES.has(code));
  const place = failed >= 0 ? failed : codes.indexOf(RUNNING);
  return structure?.nodes[place]?.box ?? null;
}

/** What a search has found: the names of tasks, and the keys of the items that show them. */
export interface Hits {
  readonly names: readonly string[];
  readonly keys: ReadonlySet<string>;
}

/** The tasks with `text` in their name, also those that are folded into something. */
export function hitsIn(structure: Structure | null, text: string): Hits {
  const wanted = text.trim().toLowerCase();
  const names: string[] = [];
  const keys = new Set<string>();
  const isHit = (name: string): boolean => wanted !== "" && name.toLowerCase().includes(wanted);
  for (const { id, inside, name } of structure?.nodes ?? []) {
    const found = inside?.filter(isHit) ?? (isHit(name ?? id) ? [id] : []);
    names.push(...found);
    if (found.length > 0) {
      keys.add(`node ${id}`);
    }
  }
  for (const { id, inside, name } of structure?.clusters ?? []) {
    const found = inside.filter(isHit);
    names.push(...found);
    if (found.length > 0 || isHit(name ?? id)) {
      keys.add(`cluster ${id}`);
    }
  }
  return { names, keys };
}
