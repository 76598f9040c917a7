// The end of a log as a view has it: news go in, a new text comes out. Pure; knows no DOM.
import type { LogNews } from "../../wire/frames";

export const LONGEST = 16_000;
const CUT = "…\n";

export interface Log {
  /** The position after its last character. */
  readonly end: number;
  readonly text: string;
}

export const EMPTY: Log = { end: 0, text: "" };

/** The log after some news; they are appended, unless something between is missing. */
export function appended(log: Log, { since, start, end, text }: LogNews): Log {
  const fits = since === log.end && since === start;
  const whole = fits ? log.text + text : (start > 0 ? CUT : "") + text;
  return { end, text: whole.length > LONGEST ? CUT + whole.slice(-LONGEST / 2) : whole };
}

/** What a terminal would show: a carriage return goes back to the start of its line. */
export function withCarriageReturns(text: string): string {
  return text.includes("\r")
    ? text.replace(/\r+\n/g, "\n").replace(/[^\n]*\r(?=[^\n])/g, "")
    : text;
}
