// Checks frames from the kernel: one that does not fit its type is an error, never guessed at. Pure.
import { Frame } from "../wire/frames";

/** Stands for a message that is no frame; the fault says why. */
export interface Unreadable {
  readonly frame: "unreadable";
  readonly fault: string;
}

export function frameIn(message: unknown): Frame | Unreadable {
  const fault = Frame(message, "");
  return fault === "" ? (message as Frame) : { frame: "unreadable", fault };
}

/** The frames in a list, such as those that a model keeps for views without a kernel. */
export function framesIn(list: unknown): readonly (Frame | Unreadable)[] {
  return Array.isArray(list) ? list.map(frameIn) : [];
}
