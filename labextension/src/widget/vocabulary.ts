// The words for states and kinds; states have the same words and marks as in pictures.
import { LEASE, TASK, type Look } from "../wire/vocabulary";
import type { LeaseState, NodeKind, StateCode } from "../wire/frames";

const KIND: Readonly<Record<NodeKind, string>> = {
  task: "task",
  parameter: "parameter",
  case: "case",
  merge: "merge",
  init: "recipe of a resource",
  setup: "set-up",
  cleanup: "clean-up",
  folded: "folded tasks",
};

export const STATE_CODES = Object.keys(TASK).map(Number) as readonly StateCode[];
export const LEASE_STATES = Object.keys(LEASE) as readonly LeaseState[];

export function taskLook(code: StateCode): Look {
  return TASK[code];
}

export function leaseLook(state: LeaseState): Look {
  return LEASE[state];
}

/** The word for a node's kind. */
export function kindWord(kind: NodeKind, mapped: boolean): string {
  return mapped ? "mapped task" : KIND[kind];
}

/** A word as part of a class name. */
export function className(word: string): string {
  return word.replaceAll(" ", "-");
}
