// Made by tools/wire.py from resnb.view.wire.commands: change that, and run `make wire`.
import { flag, nullable, number, oneOf, optional, record, table, text, union, type Of } from "./check";

export const SubjectKind = oneOf("node", "cluster");
export type SubjectKind = Of<typeof SubjectKind>;

export const Value = nullable(union("", text, number, flag));
export type Value = Of<typeof Value>;

/** The view that sends a command, and the name by which it knows the answer. */
export const Sender = record({
  view: text,
  ask: text,
});
export type Sender = Of<typeof Sender>;

/** A command without arguments. */
export const Plain = record({
  view: text,
  ask: text,
  do: oneOf("open", "close", "look_away", "cancel", "cleanup", "close_scopes", "run_again", "run_stale"),
});
export type Plain = Of<typeof Plain>;

/** A heartbeat: the view is still open, and inspects this, if anything. */
export const Here = record({
  view: text,
  ask: text,
  do: oneOf("here"),
  what: optional(SubjectKind),
  id: optional(text),
});
export type Here = Of<typeof Here>;

/** Run the flow with these values; the other parameters have their defaults. */
export const RunFlow = record({
  view: text,
  ask: text,
  do: oneOf("run"),
  parameters: table(Value),
});
export type RunFlow = Of<typeof RunFlow>;

/** Whether the view shows the timeline. */
export const ShowTimeline = record({
  view: text,
  ask: text,
  do: oneOf("timeline"),
  shown: flag,
});
export type ShowTimeline = Of<typeof ShowTimeline>;

/** Send what there is to know of a node or cluster, and its logs from now on. */
export const Inspect = record({
  view: text,
  ask: text,
  do: oneOf("inspect"),
  what: SubjectKind,
  id: text,
});
export type Inspect = Of<typeof Inspect>;

/** Unfold or fold one node or one cluster's header; without a subject all that is folded. */
export const Fold = record({
  view: text,
  ask: text,
  do: oneOf("unfold", "fold"),
  what: optional(SubjectKind),
  id: optional(text),
});
export type Fold = Of<typeof Fold>;

/** How much room the view has for the graph, in pixels, and which way the reader wants it. */
export const Room = record({
  view: text,
  ask: text,
  do: oneOf("room"),
  width: number,
  height: number,
  direction: oneOf("fitting", "down", "right"),
});
export type Room = Of<typeof Room>;

/** Clean up, keep or forget one resource; of a mapped scope one item, or all. */
export const TreatOne = record({
  view: text,
  ask: text,
  do: oneOf("cleanup_one", "keep_one", "forget_one"),
  what: SubjectKind,
  id: text,
  item: optional(number),
});
export type TreatOne = Of<typeof TreatOne>;

export const Command = union("do", Plain, Here, RunFlow, ShowTimeline, Inspect, Fold, Room, TreatOne);
export type Command = Of<typeof Command>;
