// Made by tools/wire.py from resnb.server.wire: change that, and run `make wire`.
import { flag, list, nullable, number, oneOf, optional, record, text, union, type Of } from "./check";

export const ListedState = oneOf("opening", "open", "closing", "failed", "kept", "closed", "unknown", "looking", "damaged");
export type ListedState = Of<typeof ListedState>;

export const Liveness = oneOf("alive", "dead", "unknown");
export type Liveness = Of<typeof Liveness>;

/** A lease; up to `tries` it has what ``resnb ls --json`` has. */
export const Lease = record({
  id: text, // what commands take
  name: text, // such as "etl/db"; several leases may have the same
  state: ListedState, // *unknown* where its kernel cannot be seen from the server; *damaged*
  kernel: Liveness, // whether its kernel is alive
  pid: nullable(number), // the kernel's process
  notebook: text, // the notebook that it was opened from, or the folder
  session: text, // of tests, else ""
  created: number, // when it was opened
  ended: nullable(number), // when it was closed
  ttl: nullable(number), // its age limit
  idle_timeout: nullable(number), // for how long it may be unused
  keep: nullable(number), // for how long it will survive its kernel
  keep_until: nullable(number), // until when it survives its kernel, which has ended
  protected: flag, // another process can clean up what there is of it now
  checking: flag, // it is open, and its recipe has yet to be rehearsed
  remedy: text, // what people have to do about it, since nobody else will; "" if that is nothing
  unfindable: text, // why no other process can, if its set-up breaks off; "" if one can
  unprotected: text, // why no other process can, once it is open; "" if one can
  notice: text, // what else its user should know
  reason: text, // why its state is what it is
  tries: number, // how many clean-ups were begun
  note: text, // all that there is to say about it, for people
  kernel_id: nullable(text), // this server's id of its kernel, while that is alive
  kernel_ended: nullable(number), // when its kernel ended, if this server has seen that
  path: nullable(text), // its notebook's path on this server; None if it is not below its root
  ends_with_kernel: flag, // it lives inside its kernel's process
  asked: flag, // somebody asked for its clean-up, which has not begun
  kept: flag, // it survives its kernel now
  orphan: flag, // its kernel has ended, and it is not kept
  given_up: flag, // its clean-up cannot be done from outside, or failed again and again
});
export type Lease = Of<typeof Lease>;

/** Leases, oldest first. */
export const LeaseList = record({
  version: text, // of the Python package
  now: number, // the server's clock
  total: number, // how many leases there are; the list has the latest 1,000 at most
  error: text, // why the ledger cannot be read now; the leases are then those read last; else ""
  leases: list(Lease),
});
export type LeaseList = Of<typeof LeaseList>;

/** The Python package's version, in its Python form. */
export const Version = record({
  version: text,
});
export type Version = Of<typeof Version>;

/** Why a request was refused, in one line. */
export const Refusal = record({
  message: text,
});
export type Refusal = Of<typeof Refusal>;

/** The body of a request to keep or adopt a lease: for how long; ``"30m"``, or seconds. */
export const Keep = record({
  duration: optional(union("", text, number)),
});
export type Keep = Of<typeof Keep>;
