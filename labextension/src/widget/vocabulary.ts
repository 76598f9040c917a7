// How states and kinds are called; states have the words and marks that pictures have.
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
  folded: "folded scope",
};

export const STATE_CODES = Object.keys(TASK).map(Number) as readonly StateCode[];
export const LEASE_STATES = Object.keys(LEASE) as readonly LeaseState[];

export function taskLook(code: StateCode): Look {
  return TASK[code];
}

export function leaseLook(state: LeaseState): Look {
  return LEASE[state];
}

/** What a node is called by its kind. */
export function kindWord(kind: NodeKind, mapped: boolean): string {
  return mapped ? "mapped task" : KIND[kind];
}

/** A word as part of a class name. */
export function className(word: string): string {
  return word.replaceAll(" ", "-");
}
