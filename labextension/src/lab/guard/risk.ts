// What would be lost, or go on without its kernel, if a kernel ended now. Pure.
import type { Lease } from "../leases/lease";
import { brief, counted } from "../leases/words";

/** What somebody is about to do to kernels. */
export interface Intent {
  /** `Restart the kernel`. */
  readonly title: string;
  /** `Restart`: on the button. */
  readonly verb: string;
}

export const RESTART: Intent = { title: "Restart the kernel", verb: "restart" };
export const SHUT_DOWN: Intent = { title: "Shut down the kernel", verb: "shut down" };
export const SHUT_DOWN_ALL: Intent = { title: "Shut down all kernels", verb: "shut down" };
export const CHANGE: Intent = { title: "Change the kernel", verb: "change" };
export const CLOSE: Intent = { title: "Close the notebook and shut down", verb: "close" };

export type Answer = "clean up" | "keep" | "leave" | "cancel";

export interface Question {
  readonly intent: Intent;
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

export function titleOf({ intent, leases }: Question): string {
  return `${intent.title}? ${counted(leases.length)} ${leases.length === 1 ? "is" : "are"} open`;
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
