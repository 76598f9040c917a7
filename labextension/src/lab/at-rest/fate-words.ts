// What became of a flow's resources when its kernel ended, from the server's records. Pure.
import type { LeaseState } from "../../wire/frames";
import type { Lease } from "../../wire/server";
import { minutesLeft } from "../leases/words";

const NAMED = 4; // resources that a line names
const DAY = 86_400;

/** What became of the resources of a flow. */
export interface Fate {
  /** When the kernel ended, in seconds since the epoch; null if nobody has seen it. */
  readonly ended: number | null;
  /** The latest lease of each resource, by the resource's name. */
  readonly leases: ReadonlyMap<string, Lease>;
}

/**
 * The leases of the flow's latest kernel; the latest of each resource.
 *
 * @param all the leases of the notebook, closed ones too.
 */
export function fateOf(flow: string, all: readonly Lease[]): Fate {
  const ours = all
    .filter(({ name }) => name.startsWith(`${flow}/`))
    .sort((one, other) => one.created - other.created);
  const last = ours.at(-1);
  const leases = new Map<string, Lease>();
  for (const one of ours) {
    if (one.pid === last?.pid) {
      leases.set(resourceOf(flow, one), one);
    }
  }
  return { ended: last?.kernel_ended ?? null, leases };
}

/** The name of a flow's resource, as its view has it. */
export function resourceOf(flow: string, { name }: Lease): string {
  return name.slice(flow.length + 1);
}

/** The state in which a view shows each resource; nothing for what is not known. */
export function statesOf({ leases }: Fate): ReadonlyMap<string, LeaseState> {
  const found = new Map<string, LeaseState>();
  for (const [name, lease] of leases) {
    const { state } = lease;
    if (state === "closed" || state === "failed" || state === "looking") {
      found.set(name, state);
    } else if (state !== "unknown" && state !== "damaged") {
      found.set(name, lease.kept ? "kept" : "with the reaper");
    }
  }
  return found;
}

/** Whether a text shows a resource as something that it may not be any more. */
export function isOutdated(text: string): boolean {
  return /^[│ ]*┌ .* · .*\b(open|opening|closing|kept|with the reaper)\b/m.test(text);
}

/** The resources that are kept for the next kernel. */
export function keptOf({ leases }: Fate): readonly Lease[] {
  return [...leases.values()].filter(({ kept }) => kept);
}

/**
 * `Kernel ended 20:59; db was cleaned up by the reaper at 20:59`.
 *
 * @param now seconds since the epoch.
 */
export function fateWords({ ended, leases }: Fate, now: number): string {
  const head =
    ended === null
      ? "The flow as it was saved; its kernel has ended"
      : `Kernel ended ${at(ended, now)}`;
  const parts = [...leases].map(([name, lease]) => becameOf(name, lease, now));
  const more = parts.length > NAMED ? [`and ${parts.length - NAMED} more`] : [];
  return [head, ...parts.slice(0, NAMED), ...more].join("; ");
}

function becameOf(name: string, lease: Lease, now: number): string {
  if (lease.state === "closed") {
    const when = lease.ended === null ? "" : ` at ${at(lease.ended, now)}`;
    return lease.reason.startsWith("cleaned up")
      ? `${name} was ${lease.reason}${when}`
      : `${name} ended${when}${lease.reason === "" ? "" : ` (${lease.reason})`}`;
  }
  if (lease.remedy !== "") {
    return `${name}: ${lease.remedy}`;
  }
  if (lease.kept) {
    return keptWords(name, lease, now);
  }
  if (lease.state === "failed") {
    return `${name} is not cleaned up${lease.note === "" ? "" : `: ${lease.note}`}`;
  }
  return `${name} is being cleaned up by the reaper`;
}

/** `db is kept for 29 min`. */
export function keptWords(name: string, { keep_until: until }: Lease, now: number): string {
  return `${name} is kept for ${minutesLeft(until ?? now, now)}`;
}

/** `20:59`; of another day with its date. */
export function at(seconds: number, now: number): string {
  const date = new Date(1000 * seconds);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const isToday =
    now - seconds < DAY && date.toDateString() === new Date(1000 * now).toDateString();
  return isToday
    ? time
    : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}
