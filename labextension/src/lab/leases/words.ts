// A lease in words. Pure.
import { duration } from "../../widget/words";
import type { Lease } from "../../wire/server";

/** Seconds after a limit before a lease counts as late: cleaning up takes time. */
const GRACE = 60;

/** `2 resources`. */
export function counted(many: number): string {
  return `${many.toLocaleString("en")} ${many === 1 ? "resource" : "resources"}`;
}

/** The state in one or two words. */
export function stateWord(lease: Lease): string {
  if (lease.kept) {
    return "kept";
  }
  if (lease.asked) {
    return "to be cleaned up";
  }
  if (lease.orphan && (lease.state === "open" || lease.state === "opening")) {
    return "with the reaper";
  }
  return lease.state;
}

/** The state's class, which has the widget's colours. */
export function stateClass(lease: Lease): string {
  const { state } = lease;
  if (isRetried(lease)) {
    return "failed";
  }
  if (state === "failed" || state === "closing" || state === "looking") {
    return state;
  }
  if (lease.kept) {
    return "kept";
  }
  return lease.orphan ? "with-the-reaper" : lease.asked ? "closing" : lease.state;
}

export function age(lease: Lease, now: number): string {
  return duration(now - lease.created);
}

/** How safe a lease is, such that one sees it at a glance. */
export interface Safety {
  readonly name: "safe" | "risk" | "open";
  readonly mark: string;
  readonly word: string;
}

export function safety(lease: Lease): Safety {
  const word = protection(lease);
  if (lease.remedy !== "" || (!lease.protected && !lease.ends_with_kernel)) {
    return { name: "risk", mark: "⚠", word };
  }
  return lease.checking || lease.ends_with_kernel
    ? { name: "open", mark: "○", word }
    : { name: "safe", mark: "✓", word };
}

/**
 * What becomes of it when its kernel ends; of one that people have to look after, that.
 *
 * @param now the server's clock; what is kept says how long it still is.
 */
export function protection(lease: Lease, now?: number): string {
  if (lease.remedy !== "") {
    return lease.remedy;
  }
  if (lease.ends_with_kernel) {
    return "ends with the kernel";
  }
  if (!lease.protected) {
    return "at risk";
  }
  if (lease.kept && lease.keep_until !== null && now !== undefined) {
    return `${minutesLeft(lease.keep_until, now)} left: run its cell to use it again`;
  }
  if (lease.checking) {
    return "checking";
  }
  return lease.keep === null ? "protected" : `kept ${brief(lease.keep)}`;
}

/** `29 min`: what is left until then; no seconds, and never nothing. */
export function minutesLeft(until: number, now: number): string {
  const left = Math.max(60, until - now);
  return brief(left < 3600 ? 60 * Math.round(left / 60) : left);
}

/** The same in a sentence. */
export function fate(lease: Lease): string {
  if (lease.remedy !== "") {
    return sentence(lease.remedy);
  }
  if (lease.ends_with_kernel) {
    return "It ends with the kernel.";
  }
  if (!lease.protected) {
    const why = lease.unprotected || lease.unfindable;
    return `Only its kernel can clean it up${why === "" ? "" : `: ${why}`}.`;
  }
  if (lease.checking) {
    return "Whether another process can clean it up is being checked.";
  }
  return lease.keep === null
    ? "If its kernel ends, the reaper cleans it up."
    : `It survives its kernel for ${brief(lease.keep)}.`;
}

/** When it is cleaned up by itself, a sentence each. */
export function limits(lease: Lease): readonly string[] {
  const { ttl, idle_timeout: idle } = lease;
  return [
    ttl === null ? "" : `It is cleaned up when it is ${brief(ttl)} old.`,
    idle === null ? "" : `It is cleaned up when nothing has used it for ${brief(idle)}.`,
  ].filter((one) => one !== "");
}

/** How safe a lease is; of one that could not be cleaned up, why. */
export function standing(lease: Lease, now?: number): Safety {
  const hasFailed = lease.state === "failed" || isRetried(lease);
  if (hasFailed && lease.remedy === "" && lease.note !== "") {
    return { name: "risk", mark: "✗", word: lease.note };
  }
  return { ...safety(lease), word: protection(lease, now) };
}

/** What is wrong with it, in one line; "" if nothing is. */
export function trouble(lease: Lease, now: number): string {
  if (lease.state === "damaged") {
    return `${lease.name} is damaged: ${lease.remedy}`;
  }
  if (lease.state === "failed") {
    const what = lease.given_up ? "could not be cleaned up" : "has failed to clean up";
    return `${lease.name} ${what}${lease.note === "" ? "" : `: ${lease.note}`}`;
  }
  if (isRetried(lease)) {
    const why = lease.note === "" ? "" : `: ${lease.note}`;
    return `${lease.name} has failed to clean up, and is being tried again${why}`;
  }
  if (isLate(lease, now)) {
    return `${lease.name} is past its limit of ${brief(lease.ttl ?? 0)}`;
  }
  return "";
}

/** Whether its clean-up has failed, and is being tried again: what it holds is still there. */
export function isRetried({ state, reason, given_up: isGivenUp }: Lease): boolean {
  return state === "closing" && (reason !== "" || isGivenUp);
}

/** Whether it has outlived its limit. */
export function isLate(lease: Lease, now: number): boolean {
  return lease.ttl !== null && now > lease.created + lease.ttl + GRACE && !lease.kept;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** `30 min`, `2 h`: a duration without parts that are zero. */
export function brief(seconds: number): string {
  return duration(seconds).replace(" 00 s", "").replace(" 00 min", "");
}
