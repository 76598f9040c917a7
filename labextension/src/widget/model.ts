// What a view knows about its flow: frames go in, a new state comes out. Pure; knows no DOM.
import { PENDING } from "../wire/vocabulary";
import type {
  CellInfo,
  Count,
  Failures,
  Field,
  Frame,
  LeaseCount,
  LeaseState,
  ScopeTimes,
  StateCode,
  Structure,
  Tally,
  TimelineInfo,
} from "../wire/frames";
import type { Unreadable } from "./frames";
import type { Subject } from "./subject";

/** Something that was so at a moment, in milliseconds of the page's clock. */
export interface Timed<T> {
  readonly value: T;
  readonly at: number;
}

export interface Model {
  readonly structure: Structure | null;
  readonly flow: StateCode;
  readonly codes: readonly StateCode[];
  readonly counts: ReadonlyMap<number, readonly Count[]>;
  readonly leases: readonly LeaseState[];
  readonly stacks: ReadonlyMap<number, readonly LeaseCount[]>;
  readonly notes: ReadonlyMap<number, string>;
  /** That a task is stale, and why, or its cell was deleted; "" for neither. */
  readonly marks: ReadonlyMap<number, string>;
  /** What tasks took, or have been taking. */
  readonly times: ReadonlyMap<number, Timed<number>>;
  readonly scopes: ReadonlyMap<number, Timed<ScopeTimes>>;
  readonly tally: Tally;
  readonly hidden: number;
  readonly elapsed: number | null;
  readonly link: string;
  readonly fields: readonly Field[];
  /** The latest line for people; "" if there is none. */
  readonly said: string;
  readonly failures: Failures | null;
  /** The cells that have built the flow. */
  readonly cells: readonly CellInfo[];
  readonly timeline: TimelineInfo | null;
}

export const NOTHING: Model = {
  structure: null,
  flow: PENDING,
  codes: [],
  counts: new Map(),
  leases: [],
  stacks: new Map(),
  notes: new Map(),
  marks: new Map(),
  times: new Map(),
  scopes: new Map(),
  tally: [0, 0, 0, 0],
  hidden: 0,
  elapsed: null,
  link: "",
  fields: [],
  said: "",
  failures: null,
  cells: [],
  timeline: null,
};

const UNREADABLE =
  "This view cannot read a message from the kernel. Install the same version of resnb where the " +
  "kernel and the Jupyter server run, and reload the page";

const STATELESS = {
  codes: [],
  counts: new Map(),
  leases: [],
  stacks: new Map(),
  marks: new Map(),
  times: new Map(),
  scopes: new Map(),
};

/** The state after `frame`, which came at the moment `at`; the same object if nothing has changed. */
export function after(model: Model, frame: Frame | Unreadable, at = 0): Model {
  switch (frame.frame) {
    case "structure":
      if (frame.version === model.structure?.version && frame.name === model.structure.name) {
        return model; // sent for another view of the same flow
      }
      return { ...model, ...STATELESS, structure: frame };
    case "states":
    case "delta":
      if (frame.version !== model.structure?.version) {
        return model; // of another structure, whose states come in full
      }
      return {
        ...model,
        ...(frame.frame === "states"
          ? {
              flow: frame.flow,
              codes: frame.codes,
              leases: frame.leases,
              counts: new Map(frame.counts),
              stacks: new Map(frame.stacks),
              notes: new Map(frame.notes),
              marks: new Map(frame.marks),
              times: new Map(timed(frame.times, at)),
              scopes: new Map(timed(frame.scopes, at)),
              hidden: frame.hidden,
            }
          : {
              flow: frame.flow ?? model.flow,
              codes: replaced(model.codes, frame.codes),
              leases: replaced(model.leases, frame.leases),
              counts: added(model.counts, frame.counts),
              stacks: added(model.stacks, frame.stacks),
              notes: added(model.notes, frame.notes),
              marks: added(model.marks, frame.marks),
              times: added(model.times, timed(frame.times ?? [], at)),
              scopes: added(model.scopes, timed(frame.scopes ?? [], at)),
            }),
        tally: frame.tally,
        elapsed: frame.elapsed,
        link: frame.link,
      };
    case "failures":
      return { ...model, failures: frame };
    case "cells":
      return { ...model, cells: frame.cells };
    case "form":
      return { ...model, fields: frame.fields };
    case "said":
      return { ...model, said: frame.text };
    case "failed":
      return { ...model, said: `no picture: ${frame.reason}` };
    case "unreadable":
      return { ...model, said: `${UNREADABLE} (${frame.fault}).` };
    case "taken":
    case "inspected":
    case "preview":
    case "logs":
      return model; // the inspector's
    case "timeline":
      return { ...model, timeline: frame.timeline };
  }
}

/** The cell that has added a node or gave a cluster its arguments. */
export function cellOf({ cells }: Model, id: string): CellInfo | undefined {
  return cells.find(({ tasks, scopes }) => tasks.includes(id) || scopes.includes(id));
}

/** The whole name of a node or a cluster, of which its id may lack the middle. */
export function nameOf({ structure }: Model, { what, id }: Subject): string {
  const items = what === "node" ? structure?.nodes : structure?.clusters;
  return items?.find((one) => one.id === id)?.name ?? id;
}

function replaced<T>(
  values: readonly T[],
  changes: readonly (readonly [number, T])[] | undefined,
): readonly T[] {
  if (changes === undefined) {
    return values;
  }
  const found = [...values];
  for (const [place, value] of changes) {
    found[place] = value;
  }
  return found;
}

function added<T>(
  values: ReadonlyMap<number, T>,
  changes: readonly (readonly [number, T])[] = [],
): ReadonlyMap<number, T> {
  return changes.length === 0 ? values : new Map([...values, ...changes]);
}

function timed<T>(
  values: readonly (readonly [number, T])[],
  at: number,
): readonly (readonly [number, Timed<T>])[] {
  return values.map(([place, value]) => [place, { value, at }]);
}
