// The leases that would be lost, or go on without a kernel, if kernels ended now. Pure.
import type { Lease } from "../../wire/server";
import { brief, counted } from "../leases/words";

/** What the user is about to do to kernels. */
export interface Intent {
  /** `Restart the kernel`, or `Restart 3 kernels`. */
  title(many: number): string;
  /** `restart`: on the button. */
  readonly verb: string;
  /** Whether several may begin at once for one kernel, as when two tabs that share it are closed. */
  readonly canOverlap: boolean;
}

export const RESTART = intent("Restart", "restart");
export const SHUT_DOWN = intent("Shut down", "shut down");
export const SHUT_DOWN_ALL = intent("Shut down all kernels", "shut down", true);
export const SHUT_DOWN_UNUSED = intent("Shut down unused kernels", "shut down", true);
export const SHUT_DOWN_SERVER = intent("Shut down the server", "shut down", true);
export const CHANGE = intent("Change", "change");
export const CLOSE: Intent = { ...intent("Close and shut down", "close"), canOverlap: true };

function intent(what: string, verb: string, isWhole = false): Intent {
  return {
    title: (many) => {
      if (isWhole) {
        return what;
      }
      return many > 1 ? `${what} ${many} kernels` : `${what} the kernel`;
    },
    verb,
    canOverlap: false,
  };
}

export type Answer = "clean up" | "keep" | "leave" | "cancel";

export interface Question {
  readonly intent: Intent;
  /** How many things are about to end. */
  readonly many: number;
  readonly leases: readonly Lease[];
  /** What went wrong after the last answer; "" the first time. */
  readonly said: string;
}

/** The open leases of some kernels that need a decision before these end. */
export function atRisk(leases: readonly Lease[], kernels: ReadonlySet<string>): readonly Lease[] {
  return leases.filter(
    (one) =>
      one.kernel === "alive" &&
      one.kernel_id !== null &&
      kernels.has(one.kernel_id) &&
      (one.state === "opening" || one.state === "open") &&
      !isCaredFor(one),
  );
}

/** Whether its fate is already decided. */
function isCaredFor(lease: Lease): boolean {
  return lease.protected && !lease.ends_with_kernel && (lease.asked || lease.keep !== null);
}

/** Whether it can outlive its kernel. */
export function canKeep(lease: Lease): boolean {
  return lease.protected && !lease.ends_with_kernel;
}

/** Whether all of them end, or are cleaned up, without their kernel. */
export function canLeave(leases: readonly Lease[]): boolean {
  return leases.some(canKeep) && leases.every((one) => one.ends_with_kernel || one.protected);
}

export function titleOf({ intent, many, leases }: Question): string {
  return `${intent.title(many)}? ${counted(leases.length)} ${leases.length === 1 ? "is" : "are"} open`;
}

/** The answers, each with its label, such as `Clean up and restart`. */
export function answersTo(
  { intent, leases }: Question,
  seconds: number,
): readonly (readonly [Answer, string])[] {
  const keep = [["keep", `Keep for ${brief(seconds)}`]] as const;
  const anyway = `${intent.verb.charAt(0).toUpperCase()}${intent.verb.slice(1)} anyway`;
  return [
    ["cancel", "Cancel"],
    ["leave", canLeave(leases) ? "Clean up in the background" : anyway],
    ...(leases.some(canKeep) ? keep : []),
    ["clean up", `Clean up and ${intent.verb}`],
  ];
}
