// Made by tools/wire.py from resnb.view.wire.kinds, resnb.view.wire.graph, resnb.view.wire.inspector, resnb.view.wire.timeline, resnb.view.wire.frames: change that, and run `make wire`.
import { flag, list, nullable, number, oneOf, optional, record, text, tuple, union, type Of } from "./check";

export const StateCode = oneOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
export type StateCode = Of<typeof StateCode>;

export const LeaseState = oneOf("not yet", "opening", "open", "closing", "closed", "failed", "with the reaper", "looking", "kept");
export type LeaseState = Of<typeof LeaseState>;

export const NodeKind = oneOf("task", "parameter", "case", "merge", "init", "setup", "cleanup", "folded");
export type NodeKind = Of<typeof NodeKind>;

export const LinkKind = oneOf("data", "control", "setup", "cleanup");
export type LinkKind = Of<typeof LinkKind>;

export const LaneKind = oneOf("scope", "worker", "loop", "more");
export type LaneKind = Of<typeof LaneKind>;

export const SubjectKind = oneOf("node", "cluster");
export type SubjectKind = Of<typeof SubjectKind>;

export const FieldKind = oneOf("int", "float", "bool", "str", "text", "list", "dict", "date", "datetime", "choice", "other");
export type FieldKind = Of<typeof FieldKind>;

export const Value = nullable(union("", text, number, flag));
export type Value = Of<typeof Value>;

export const Interval = tuple(number, number);
export type Interval = Of<typeof Interval>;

export const Count = tuple(StateCode, number);
export type Count = Of<typeof Count>;

export const LeaseCount = tuple(LeaseState, number);
export type LeaseCount = Of<typeof LeaseCount>;

/** A rectangle: its upper left corner and size in points; y grows downwards. */
export const Box = tuple(number, number, number, number);
export type Box = Of<typeof Box>;

export const Folded = oneOf("no", "yes", "unfolded");
export type Folded = Of<typeof Folded>;

export const Direction = oneOf("down", "right");
export type Direction = Of<typeof Direction>;

/** A task, or several that are folded, and where it is drawn. */
export const NodeInfo = record({
  id: text,
  text: text,
  kind: NodeKind,
  mapped: flag,
  cluster: nullable(number),
  box: Box,
  inside: optional(list(text)), // the tasks that are folded into it
  name: optional(text), // its whole name, if its id lacks the middle of that
});
export type NodeInfo = Of<typeof NodeInfo>;

/** A scope; a mapped one is drawn as a stack. */
export const ClusterInfo = record({
  id: text,
  manager: text,
  parent: nullable(number),
  notes: list(text),
  mapped: flag,
  box: Box,
  inside: list(text), // its init, set-up and clean-up, if the header stands for them
  cost: nullable(number), // what an hour of it costs
  name: optional(text), // its whole name, if its id lacks the middle of that
});
export type ClusterInfo = Of<typeof ClusterInfo>;

/** One node comes after another. */
export const LinkInfo = record({
  source: number,
  target: number,
  kind: LinkKind,
  path: text, // in SVG's notation
});
export type LinkInfo = Of<typeof LinkInfo>;

/** All there is to draw; sent when it changes, and to views that open. */
export const Structure = record({
  frame: oneOf("structure"),
  resnb: text, // the version of the kernel's package
  version: number, // a number that later frames refer to
  name: text,
  folded: Folded,
  direction: Direction,
  size: Interval,
  nodes: list(NodeInfo),
  clusters: list(ClusterInfo),
  links: list(LinkInfo),
});
export type Structure = Of<typeof Structure>;

/**
 * How long a resource was set up, open and used, in seconds.
 *
 * What a mapped scope has several of is added up.
 */
export const ScopeTimes = record({
  steps: tuple(StateCode, StateCode, StateCode), // the states of init, set-up and clean-up
  setup: nullable(number), // what set-up took, or has been taking
  cleanup: nullable(number), // what clean-up took, or has been taking
  open: number, // how long it was open until now
  opened: number, // how many resources are open now
  used: nullable(number), // how long of that it was used; null if nobody knows
  busy: flag, // whether it is being used
});
export type ScopeTimes = Of<typeof ScopeTimes>;

/** How many tasks and children that do work there are, and in which state. */
export const Tally = tuple(number, number, number, number);
export type Tally = Of<typeof Tally>;

/** What every frame with states says about the run. */
export const RunInfo = record({
  version: number, // the structure's
  tally: Tally,
  elapsed: nullable(number), // in seconds; null before the first run
  link: text, // the address of the dashboard of the run's cluster, or empty
});
export type RunInfo = Of<typeof RunInfo>;

/** The state of everything; each pair begins with a place. */
export const States = record({
  version: number,
  tally: Tally,
  elapsed: nullable(number),
  link: text,
  frame: oneOf("states"),
  flow: StateCode,
  codes: list(StateCode),
  counts: list(tuple(number, list(Count))),
  leases: list(LeaseState),
  stacks: list(tuple(number, list(LeaseCount))),
  notes: list(tuple(number, text)),
  marks: list(tuple(number, text)), // that a task is stale, and why, or its cell was deleted
  times: list(tuple(number, number)), // seconds that tasks took, or have been taking
  scopes: list(tuple(number, ScopeTimes)),
  hidden: number,
});
export type States = Of<typeof States>;

/** What has changed since the last states or delta; each pair is a place and a new value. */
export const Delta = record({
  version: number,
  tally: Tally,
  elapsed: nullable(number),
  link: text,
  frame: oneOf("delta"),
  flow: optional(StateCode),
  codes: optional(list(tuple(number, StateCode))),
  counts: optional(list(tuple(number, list(Count)))),
  leases: optional(list(tuple(number, LeaseState))),
  stacks: optional(list(tuple(number, list(LeaseCount)))),
  notes: optional(list(tuple(number, text))),
  marks: optional(list(tuple(number, text))), // empty: there is none any more
  times: optional(list(tuple(number, number))),
  scopes: optional(list(tuple(number, ScopeTimes))),
});
export type Delta = Of<typeof Delta>;

/** A task that failed itself: its node, and why. */
export const FailureInfo = tuple(text, text);
export type FailureInfo = Of<typeof FailureInfo>;

/** The tasks of the latest run that failed themselves; sent when they are others than before. */
export const Failures = record({
  frame: oneOf("failures"),
  total: number,
  first: list(FailureInfo),
});
export type Failures = Of<typeof Failures>;

/** A cell of the notebook that has added to the flow. */
export const CellInfo = record({
  id: text, // the front end's id; "" if it sent none
  number: nullable(number), // what the front end showed beside it; null if nothing
  tasks: list(text), // the nodes of its tasks
  unnamed: number, // number of its tasks that are not among them, since there are too many
  scopes: list(text), // the clusters to which it gave their arguments
});
export type CellInfo = Of<typeof CellInfo>;

/** The cells that have built the flow; sent when its structure changes. */
export const CellList = record({
  frame: oneOf("cells"),
  cells: list(CellInfo),
});
export type CellList = Of<typeof CellList>;

/**
 * One parameter; a default that a form cannot edit is sent as text.
 *
 * Lists and dicts are sent as JSON in a text, dates in ISO's form, choices by their names.
 */
export const Field = record({
  name: text,
  required: flag,
  kind: FieldKind,
  editable: flag,
  default: Value,
  choices: optional(list(text)),
});
export type Field = Of<typeof Field>;

/** The parameters of the flow. */
export const Form = record({
  frame: oneOf("form"),
  fields: list(Field),
});
export type Form = Of<typeof Form>;

/** One line for people. */
export const Said = record({
  frame: oneOf("said"),
  text: text,
  done: flag, // whether it is about something that was done, not something that failed
});
export type Said = Of<typeof Said>;

/** The structure cannot be laid out. */
export const Failed = record({
  frame: oneOf("failed"),
  reason: text,
});
export type Failed = Of<typeof Failed>;

/** The kernel has accepted a command. */
export const Taken = record({
  frame: oneOf("taken"),
  ask: text,
});
export type Taken = Of<typeof Taken>;

/** Which view a frame is for, and what that view inspects. */
export const Addressed = record({
  to: text,
  what: SubjectKind,
  id: text,
});
export type Addressed = Of<typeof Addressed>;

/** Why a resource cannot be cleaned up or kept now; empty if it can. */
export const Actions = record({
  cleanup: text,
  keep: text,
  forget: flag, // whether nobody can clean it up, so that people have to say that it is gone
});
export type Actions = Of<typeof Actions>;

/** One resource of a mapped scope. */
export const ItemInfo = record({
  cleanup: text,
  keep: text,
  forget: flag,
  item: number,
  name: text,
  state: LeaseState,
  said: text,
});
export type ItemInfo = Of<typeof ItemInfo>;

/** What is known about a node or cluster, except for its logs and value. */
export const Inspected = record({
  to: text,
  what: SubjectKind,
  id: text,
  frame: oneOf("inspected"),
  rows: list(tuple(text, text)),
  clocks: list(tuple(text, number)), // seconds that go on
  texts: list(tuple(text, text)),
  actions: nullable(Actions), // null for what is no resource
  items: list(ItemInfo), // the first resources of a mapped scope
});
export type Inspected = Of<typeof Inspected>;

/** A value as plain data. */
export const Shows = record({
  type: text,
  text: text,
  shape: optional(text),
  table: optional(list(list(text))), // the heads first
  image: optional(text), // a PNG in base64
});
export type Shows = Of<typeof Shows>;

/** The value of a node, or the handle of a resource. */
export const Preview = record({
  to: text,
  what: SubjectKind,
  id: text,
  frame: oneOf("preview"),
  title: text,
  shows: nullable(Shows),
});
export type Preview = Of<typeof Preview>;

/** What was added to a log since a position. */
export const LogNews = record({
  to: text,
  what: SubjectKind,
  id: text,
  name: text,
  since: nullable(number), // null: another log takes the place of the one before
  start: number, // later than `since` if the beginning is left out
  end: number,
  text: text,
});
export type LogNews = Of<typeof LogNews>;

/** News of logs, for all views at once. */
export const Logs = record({
  frame: oneOf("logs"),
  logs: list(LogNews),
});
export type Logs = Of<typeof Logs>;

/** One task, or several that are drawn as one. */
export const BarInfo = tuple(number, number, StateCode, number, number, number, number);
export type BarInfo = Of<typeof BarInfo>;

/** A row of bars: a scope, a worker, coroutines, or the rest. */
export const LaneInfo = record({
  label: text,
  kind: LaneKind,
  bars: list(BarInfo),
});
export type LaneInfo = Of<typeof LaneInfo>;

/** The lifetime of a resource. */
export const BandInfo = record({
  id: text,
  lease: LeaseState,
  words: text,
  setup: nullable(Interval),
  open: nullable(Interval),
  cleanup: nullable(Interval),
  used: list(Interval),
});
export type BandInfo = Of<typeof BandInfo>;

/** One run, bounded, with each name once. */
export const TimelineInfo = record({
  flow: StateCode,
  seconds: number,
  first: number,
  last: number,
  ticks: list(tuple(number, text)),
  names: list(text),
  kinds: list(NodeKind),
  lanes: list(LaneInfo),
  bands: list(BandInfo),
  more: number, // resources that are not shown
});
export type TimelineInfo = Of<typeof TimelineInfo>;

/** The latest run; null if there is none. */
export const Timeline = record({
  frame: oneOf("timeline"),
  timeline: nullable(TimelineInfo),
});
export type Timeline = Of<typeof Timeline>;

export const Frame = union("frame", Structure, States, Delta, Form, CellList, Said, Failed, Failures, Taken, Inspected, Preview, Logs, Timeline);
export type Frame = Of<typeof Frame>;
