// What would be lost, or go on without its kernel, if a kernel ended now. Pure.
import type { Lease } from "../../wire/server";
import { brief, counted } from "../leases/words";

/** What somebody is about to do to kernels. */
export interface Intent {
  /** `Restart the kernel`; of several things at once, of how many. */
  title(many: number): string;
  /** `restart`: on the button. */
  readonly verb: string;
  /** Whether several may be begun at once for one kernel: closing two tabs that share it. */
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
  /** How many things are about to be done at once. */
  readonly many: number;
  readonly leases: readonly Lease[];
  /** What became of the answer before; "" the first time. */
  readonly said: string;
}

/** The open leases of some kernels: those that somebody has to think of before these end. */
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

/** Whether it is already said what becomes of it. */
function isCaredFor(lease: Lease): boolean {
  return lease.protected && !lease.ends_with_kernel && (lease.asked || lease.keep !== null);
}

/** Whether it can outlive its kernel. */
export function canKeep(lease: Lease): boolean {
  return lease.protected && !lease.ends_with_kernel;
}

export function titleOf({ intent, many, leases }: Question): string {
  return `${intent.title(many)}? ${counted(leases.length)} ${leases.length === 1 ? "is" : "are"} open`;
}

/** `Clean up and restart`, ...: what each answer is called. */
export function answersTo(
  { intent, leases }: Question,
  seconds: number,
): readonly (readonly [Answer, string])[] {
  const keep = [["keep", `Keep for ${brief(seconds)}`]] as const;
  return [
    ["cancel", "Cancel"],
    ["leave", "Leave to the reaper"],
    ...(leases.some(canKeep) ? keep : []),
    ["clean up", `Clean up and ${intent.verb}`],
  ];
}
