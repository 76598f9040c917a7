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
  StateCode,
  Structure,
  Tally,
  TimelineInfo,
} from "../wire/frames";
import type { Unreadable } from "./frames";

export interface Model {
  readonly structure: Structure | null;
  readonly flow: StateCode;
  readonly codes: readonly StateCode[];
  readonly counts: ReadonlyMap<number, readonly Count[]>;
  readonly leases: readonly LeaseState[];
  readonly stacks: ReadonlyMap<number, readonly LeaseCount[]>;
  readonly notes: ReadonlyMap<number, string>;
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

const STATELESS = { codes: [], counts: new Map(), leases: [], stacks: new Map() };

/** The state after `frame`; the same object if nothing has changed. */
export function after(model: Model, frame: Frame | Unreadable): Model {
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
              hidden: frame.hidden,
            }
          : {
              flow: frame.flow ?? model.flow,
              codes: replaced(model.codes, frame.codes),
              leases: replaced(model.leases, frame.leases),
              counts: new Map([...model.counts, ...(frame.counts ?? [])]),
              stacks: new Map([...model.stacks, ...(frame.stacks ?? [])]),
              notes: new Map([...model.notes, ...(frame.notes ?? [])]),
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
