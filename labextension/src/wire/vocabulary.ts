// Made by tools/wire.py from resnb.states, resnb.view.palette and others: change that, and run `make wire`.
import type { LeaseState, StateCode } from "./frames";

export interface Look {
  readonly word: string;
  readonly mark: string;
}

export const PENDING = 0;
export const RUNNING = 1;
export const RETRYING = 2;
export const SUCCESS = 3;
export const CACHED = 4;
export const MAPPED = 5;
export const SKIPPED = 6;
export const FAILED = 7;
export const TRIGGER_FAILED = 8;
export const TIMED_OUT = 9;
export const CANCELLED = 10;
export const FIRST_FINISHED = 3;
export const FIRST_UNSUCCESSFUL = 7;
export const NOT_YET = "not yet";
export const UNPROTECTED = "unprotected";
export const MODEL_PREFIX = "resnb-";
export const OUTPUT_PREFIX = "resnb.output-";
export const COMMAND_MESSAGE = "resnb_command";
export const FAILURES: ReadonlySet<StateCode> = new Set([7, 9]);
export const DONE: ReadonlySet<StateCode> = new Set([3, 4, 5]);

export const TASK: Readonly<Record<StateCode, Look>> = {
  0: { word: "pending", mark: "○" },
  1: { word: "running", mark: "▸" },
  2: { word: "retrying", mark: "↻" },
  3: { word: "success", mark: "✓" },
  4: { word: "cached", mark: "✓" },
  5: { word: "mapped", mark: "✓" },
  6: { word: "skipped", mark: "-" },
  7: { word: "failed", mark: "✗" },
  8: { word: "trigger failed", mark: "⊘" },
  9: { word: "timed out", mark: "✗" },
  10: { word: "cancelled", mark: "■" },
};

export const LEASE: Readonly<Record<LeaseState, Look>> = {
  "not yet": { word: "not yet", mark: "·" },
  "opening": { word: "opening", mark: "▸" },
  "open": { word: "open", mark: "●" },
  "closing": { word: "closing", mark: "▸" },
  "closed": { word: "closed", mark: "✓" },
  "failed": { word: "failed", mark: "✗" },
  "with the reaper": { word: "with the reaper", mark: "↻" },
  "looking": { word: "looking", mark: "?" },
  "kept": { word: "kept", mark: "●" },
};
