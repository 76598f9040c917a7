// What a view knows of its flow: frames go in, a new state comes out. Pure; knows no DOM.
import type { Count, Field, Frame, LeaseCount, States, Structure, Tally } from "./protocol";
import type { TimelineInfo } from "./timedata";
import { PENDING } from "./vocabulary";

export interface Model {
  readonly structure: Structure | null;
  readonly flow: number;
  readonly codes: readonly number[];
  readonly counts: ReadonlyMap<number, readonly Count[]>;
  readonly leases: readonly string[];
  readonly stacks: ReadonlyMap<number, readonly LeaseCount[]>;
  readonly notes: ReadonlyMap<number, string>;
  readonly tally: Tally;
  readonly hidden: number;
  readonly elapsed: number | null;
  readonly link: string;
  readonly fields: readonly Field[];
  /** The latest line for people; "" if there is none to show. */
  readonly said: string;
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
  timeline: null,
};

const STATELESS = { codes: [], counts: new Map(), leases: [], stacks: new Map() };

/** The state after `frame`; the very same if that changes nothing. */
export function after(model: Model, frame: Frame): Model {
  switch (frame.frame) {
    case "structure":
      if (frame.version === model.structure?.version && frame.name === model.structure.name) {
        return model; // sent for another view of the same flow
      }
      return { ...model, ...STATELESS, structure: frame };
    case "states":
      return frame.version === model.structure?.version ? withStates(model, frame) : model;
    case "delta": {
      if (frame.version !== model.structure?.version) {
        return model; // of another structure, whose states come in full
      }
      const flow = frame.flow ?? model.flow;
      return {
        ...model,
        flow,
        codes: replaced(model.codes, frame.codes),
        leases: replaced(model.leases, frame.leases),
        stacks: new Map([...model.stacks, ...(frame.stacks ?? [])]),
        counts: new Map([...model.counts, ...(frame.counts ?? [])]),
        notes: new Map([...model.notes, ...(frame.notes ?? [])]),
        tally: frame.tally,
        elapsed: frame.elapsed,
        link: frame.link ?? "",
      };
    }
    case "form":
      return { ...model, fields: frame.fields };
    case "said":
      return { ...model, said: frame.text };
    case "failed":
      return { ...model, said: `no picture: ${frame.reason}` };
    case "taken":
    case "inspected":
    case "preview":
    case "logs":
      return model; // the inspector's
    case "timeline":
      return { ...model, timeline: frame.timeline };
  }
}

function withStates(model: Model, frame: States): Model {
  return {
    ...model,
    flow: frame.flow,
    codes: frame.codes,
    counts: byPlace(frame.counts),
    leases: frame.leases,
    stacks: byPlace(frame.stacks ?? {}),
    notes: byPlace(frame.notes),
    tally: frame.tally,
    hidden: frame.hidden,
    elapsed: frame.elapsed,
    link: frame.link ?? "",
  };
}

function byPlace<T>(found: Readonly<Record<string, T>>): ReadonlyMap<number, T> {
  return new Map(Object.entries(found).map(([place, value]) => [Number(place), value]));
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
