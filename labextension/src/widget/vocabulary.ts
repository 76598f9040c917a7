// How states are called and marked; resnb/view/palette.py says the same of pictures.
import type { NodeKind } from "./protocol";

export interface Look {
  readonly word: string;
  readonly mark: string;
}

/** The look of tasks and flows, by state code. */
export const TASK: readonly Look[] = [
  { word: "pending", mark: "○" },
  { word: "running", mark: "▸" },
  { word: "retrying", mark: "↻" },
  { word: "success", mark: "✓" },
  { word: "cached", mark: "✓" },
  { word: "mapped", mark: "✓" },
  { word: "skipped", mark: "-" },
  { word: "failed", mark: "✗" },
  { word: "trigger failed", mark: "⊘" },
  { word: "timed out", mark: "✗" },
  { word: "cancelled", mark: "■" },
];

export const PENDING = 0;
export const RUNNING = 1;
export const RETRYING = 2;
const SUCCESS = 3;
const CACHED = 4;
const MAPPED = 5;
const FAILED = 7;
const TIMED_OUT = 9;

export const FAILURES: ReadonlySet<number> = new Set([FAILED, TIMED_OUT]);
export const DONE: ReadonlySet<number> = new Set([SUCCESS, CACHED, MAPPED]);

/** The look of scopes, by their lease's state. */
export const LEASE: readonly Look[] = [
  { word: "not yet", mark: "·" },
  { word: "opening", mark: "▸" },
  { word: "open", mark: "●" },
  { word: "closing", mark: "▸" },
  { word: "closed", mark: "✓" },
  { word: "failed", mark: "✗" },
  { word: "with the reaper", mark: "↻" },
  { word: "kept", mark: "●" },
];

const KIND: Readonly<Record<NodeKind, string>> = {
  task: "task",
  parameter: "parameter",
  case: "case",
  merge: "merge",
  init: "recipe of a resource",
  setup: "set-up",
  cleanup: "clean-up",
  folded: "folded scope",
};

const UNKNOWN: Look = { word: "unknown", mark: "?" };

export function taskLook(code: number): Look {
  return TASK[code] ?? UNKNOWN;
}

export function leaseLook(state: string): Look {
  return LEASE.find((look) => look.word === state) ?? UNKNOWN;
}

/** What a node is called by its kind. */
export function kindWord(kind: NodeKind, mapped: boolean): string {
  return mapped ? "mapped task" : KIND[kind];
}

/** A word as part of a class name. */
export function className(word: string): string {
  return word.replaceAll(" ", "-");
}
