// Made by tools/wire.py from resnb.server.wire: change that, and run `make wire`.
import { flag, list, nullable, number, oneOf, optional, record, text, union, type Of } from "./check";

export const ListedState = oneOf("opening", "open", "closing", "failed", "kept", "closed", "unknown");
export type ListedState = Of<typeof ListedState>;

export const Liveness = oneOf("alive", "dead", "unknown");
export type Liveness = Of<typeof Liveness>;

/**
 * A lease; up to `tries` it has what ``resnb ls --json`` has.
 *
 *     id: what commands take.
 *     name: such as "etl/db"; several leases may have the same.
 *     state: *unknown* where its kernel cannot be seen from the server.
 *     kernel: whether its kernel is alive.
 *     pid: the kernel's process.
 *     notebook: the notebook that it was opened from, or the folder.
 *     session: of tests, else "".
 *     created: when it was opened.
 *     ended: when it was closed.
 *     ttl: its age limit.
 *     idle_timeout: for how long it may be unused.
 *     keep: for how long it will survive its kernel.
 *     keep_until: until when it survives its kernel, which has ended.
 *     protected: another process can clean up what there is of it now.
 *     unfindable: why no other process can, if its set-up breaks off; "" if one can.
 *     unprotected: why no other process can, once it is open; "" if one can.
 *     notice: what else its user should know.
 *     reason: why its state is what it is.
 *     tries: how many clean-ups were begun.
 *     note: all that there is to say about it, for people.
 *     kernel_id: this server's id of its kernel, while that is alive.
 *     ends_with_kernel: it lives inside its kernel's process.
 *     asked: somebody asked for its clean-up, which has not begun.
 *     kept: it survives its kernel now.
 *     orphan: its kernel has ended, and it is not kept.
 *     given_up: its clean-up failed, and is tried again only if somebody asks for it.
 */
export const Lease = record({
  id: text,
  name: text,
  state: ListedState,
  kernel: Liveness,
  pid: nullable(number),
  notebook: text,
  session: text,
  created: number,
  ended: nullable(number),
  ttl: nullable(number),
  idle_timeout: nullable(number),
  keep: nullable(number),
  keep_until: nullable(number),
  protected: flag,
  unfindable: text,
  unprotected: text,
  notice: text,
  reason: text,
  tries: number,
  note: text,
  kernel_id: nullable(text),
  ends_with_kernel: flag,
  asked: flag,
  kept: flag,
  orphan: flag,
  given_up: flag,
});
export type Lease = Of<typeof Lease>;

/**
 * Leases, oldest first.
 *
 *     version: of the Python package.
 *     now: the server's clock.
 *     total: how many leases there are; the list has the latest 1,000 at most.
 *     error: a line if the ledger cannot be read now: the leases are then those that were read
 *         last; else "".
 *     leases: the leases.
 */
export const LeaseList = record({
  version: text,
  now: number,
  total: number,
  error: text,
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
