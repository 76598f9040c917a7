// The messages between a view and the kernel. Places are indices into the structure's lists.
import type { Timeline } from "./timedata";

/** A rectangle in points: left, top, width, height. */
export type Box = readonly [number, number, number, number];

/** How many tasks are in a state: the state's code and a number. */
export type Count = readonly [number, number];

/** How many leases of a mapped scope are in a state. */
export type LeaseCount = readonly [string, number];

export type NodeKind =
  "task" | "parameter" | "case" | "merge" | "init" | "setup" | "cleanup" | "folded";

export interface NodeInfo {
  readonly id: string;
  readonly text: string;
  readonly kind: NodeKind;
  readonly mapped: boolean;
  readonly cluster: number | null;
  readonly box: Box;
}

export interface ClusterInfo {
  readonly id: string;
  readonly manager: string;
  readonly parent: number | null;
  readonly notes: readonly string[];
  /** Whether it has a resource for each item of something; drawn as a stack. */
  readonly mapped?: boolean;
  readonly box: Box;
}

export interface LinkInfo {
  readonly source: number;
  readonly target: number;
  readonly kind: "data" | "control" | "setup" | "cleanup";
  readonly path: string;
}

export interface Structure {
  readonly frame: "structure";
  /** The version of the kernel's resnb, as Python writes it. */
  readonly resnb: string;
  readonly version: number;
  readonly name: string;
  readonly size: readonly [number, number];
  readonly folded: "no" | "yes" | "unfolded";
  readonly nodes: readonly NodeInfo[];
  readonly clusters: readonly ClusterInfo[];
  readonly links: readonly LinkInfo[];
}

/** Tasks and children that do work: all, done, failed, running. */
export type Tally = readonly [number, number, number, number];

export interface States {
  readonly frame: "states";
  readonly version: number;
  readonly flow: number;
  readonly codes: readonly number[];
  readonly counts: Readonly<Record<string, readonly Count[]>>;
  readonly leases: readonly string[];
  readonly stacks?: Readonly<Record<string, readonly LeaseCount[]>>;
  readonly notes: Readonly<Record<string, string>>;
  readonly tally: Tally;
  readonly hidden: number;
  /** Seconds since the latest run began, while it is on. */
  readonly elapsed: number | null;
  /** The dashboard of the cluster that the latest run uses. */
  readonly link?: string;
}

export interface Delta {
  readonly frame: "delta";
  readonly version: number;
  readonly tally: Tally;
  readonly elapsed: number | null;
  readonly link?: string;
  readonly flow?: number;
  readonly codes?: readonly (readonly [number, number])[];
  readonly counts?: readonly (readonly [number, readonly Count[]])[];
  readonly leases?: readonly (readonly [number, string])[];
  readonly stacks?: readonly (readonly [number, readonly LeaseCount[]])[];
  readonly notes?: readonly (readonly [number, string])[];
}

export interface Field {
  readonly name: string;
  readonly required: boolean;
  /** The type of the default: int, float, bool, str, text (unknown) or another one's name. */
  readonly kind: string;
  readonly editable: boolean;
  readonly default: string | number | boolean | null;
}

export interface Form {
  readonly frame: "form";
  readonly fields: readonly Field[];
}

/** One line for people. */
export interface Said {
  readonly frame: "said";
  readonly text: string;
  /** Whether it tells of something that was done, not of something that failed. */
  readonly done?: boolean;
}

/** The structure could not be laid out. */
export interface Failed {
  readonly frame: "failed";
  readonly reason: string;
}

/** The kernel has taken up a command. */
export interface Taken {
  readonly frame: "taken";
  readonly ask: string;
}

/** Whom a frame is for, and what that view looks at closely. */
export interface Addressed {
  readonly to: string;
  readonly what: "node" | "cluster";
  readonly id: string;
}

/** One item of a mapped scope, and why its lease cannot be cleaned up or kept; "" if it can. */
export interface ItemInfo {
  readonly item: number;
  readonly name: string;
  readonly state: string;
  readonly said: string;
  readonly cleanup: string;
  readonly keep: string;
}

/** What there is to know of one node or cluster, but for its logs and its value. */
export interface Inspected extends Addressed {
  readonly frame: "inspected";
  readonly rows: readonly (readonly [string, string])[];
  /** Names, and seconds that go on. */
  readonly clocks: readonly (readonly [string, number])[];
  readonly texts: readonly (readonly [string, string])[];
  /** Of a scope: why it cannot be cleaned up or kept now; "" if it can. */
  readonly actions: { readonly cleanup: string; readonly keep: string } | null;
  /** Of a mapped scope: the first of its items. */
  readonly items?: readonly ItemInfo[];
}

/** A value as plain data. */
export interface Shows {
  readonly type: string;
  readonly text: string;
  readonly shape?: string;
  /** Rows of cells, the heads first. */
  readonly table?: readonly (readonly string[])[];
  /** A PNG as base64. */
  readonly image?: string;
}

export interface Preview extends Addressed {
  readonly frame: "preview";
  readonly title: string;
  readonly shows: Shows | null;
}

/** What was added to a log: after position `from`, where `start` is later if that is much. */
export interface LogNews extends Addressed {
  readonly name: string;
  /** null: it is another log from now on. */
  readonly from: number | null;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Logs {
  readonly frame: "logs";
  readonly logs: readonly LogNews[];
}

export type Frame =
  Structure | States | Delta | Form | Said | Failed | Taken | Inspected | Preview | Logs | Timeline;

export type Value = string | number | boolean | null;

export type Command =
  | { readonly do: "open" | "close" | "look_away" }
  | { readonly do: "here"; readonly what?: "node" | "cluster"; readonly id?: string }
  | { readonly do: "run"; readonly parameters: Readonly<Record<string, Value>> }
  | { readonly do: "cancel" | "cleanup" | "close_scopes" | "unfold" | "fold" }
  | { readonly do: "timeline"; readonly shown: boolean }
  | { readonly do: "inspect"; readonly what: "node" | "cluster"; readonly id: string }
  | {
      readonly do: "cleanup_one" | "keep_one";
      readonly what: "node" | "cluster";
      readonly id: string;
      readonly item?: number;
    };

const KINDS: ReadonlySet<unknown> = new Set([
  "structure",
  "states",
  "delta",
  "form",
  "said",
  "failed",
  "taken",
  "inspected",
  "preview",
  "logs",
  "timeline",
]);

/** Whether a message is one of ours; what is in it is the kernel's to keep right. */
export function isFrame(message: unknown): message is Frame {
  return (
    typeof message === "object" &&
    message !== null &&
    "frame" in message &&
    KINDS.has(message.frame)
  );
}

/** The frames in a list, such as those that a model keeps for the time when there is no kernel. */
export function framesOf(list: unknown): readonly Frame[] {
  return Array.isArray(list) ? list.filter(isFrame) : [];
}
