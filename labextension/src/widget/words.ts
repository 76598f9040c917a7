// States and progress in words.
import { DONE, FAILURES, PENDING } from "../wire/vocabulary";
import type {
  ClusterInfo,
  Count,
  LeaseCount,
  LeaseState,
  NodeInfo,
  StateCode,
  Tally,
} from "../wire/frames";
import { kindWord, leaseLook, taskLook } from "./vocabulary";

const number = new Intl.NumberFormat("en");

/** `38 of 100 done`, or `1 of 100 failed`: the counts of a mapped task in a line. */
export function countsText(counts: readonly Count[]): string {
  const total = sum(counts);
  const failed = sum(counts.filter(([code]) => FAILURES.has(code)));
  if (failed > 0) {
    return `${number.format(failed)} of ${number.format(total)} failed`;
  }
  if (counts.length < 2) {
    return total === 0 ? "" : `×${number.format(total)}`;
  }
  const done = sum(counts.filter(([code]) => DONE.has(code)));
  return `${number.format(done)} of ${number.format(total)} done`;
}

function sum(counts: readonly Count[]): number {
  return counts.reduce((total, [, many]) => total + many, 0);
}

/** The name of a node for screen readers and its tooltip. */
export function nodeName(
  node: NodeInfo,
  code: StateCode,
  counts: readonly Count[],
  note: string,
): string {
  const value = node.kind === "parameter" && note !== "" ? ` = ${note}` : "";
  const parts = [`${node.id}${value}`, kindWord(node.kind, node.mapped), taskLook(code).word];
  for (const [state, many] of counts) {
    parts.push(`${number.format(many)} ${taskLook(state).word}`);
  }
  return parts.join(", ");
}

/** `1 failed, 2 open`: the leases of a mapped scope; `mapped` if there are none. */
export function stackText(stack: readonly LeaseCount[]): string {
  const parts = stack.map(([lease, many]) => `${number.format(many)} ${leaseLook(lease).word}`);
  return parts.join(", ") || "mapped";
}

/** The name of a cluster, likewise; `stack` has the leases of a mapped one. */
export function clusterName(
  cluster: ClusterInfo,
  lease: LeaseState,
  stack: readonly LeaseCount[] = [],
): string {
  const { id, manager, mapped, notes } = cluster;
  const name = id === manager ? id : `${id} = ${manager}`;
  const word = mapped ? stackText(stack) : leaseLook(lease).word;
  return [`resource ${name}`, word, ...notes].join(", ");
}

/** `12 of 40 done · 1 not done · 2 running`; "not done" includes cancelled tasks, for example. */
export function progressWords([total, done, failed, running]: Tally): string {
  const parts = [`${number.format(done)} of ${number.format(total)} done`];
  if (failed) {
    parts.push(`${number.format(failed)} not done`);
  }
  if (running) {
    parts.push(`${number.format(running)} running`);
  }
  return parts.join(" · ");
}

/** `8 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole === 0) {
    return "under 1 s";
  }
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  }
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** The seconds that a run may still take, estimated from its pace; null if there is no estimate. */
export function secondsLeft([total, done, failed]: Tally, elapsed: number): number | null {
  const ended = done + failed;
  return ended < 3 || ended >= total ? null : (elapsed / ended) * (total - ended);
}

/** The word for a flow's state in its heading. */
export function flowWord(code: StateCode): string {
  return code === PENDING ? "not run yet" : taskLook(code).word;
}
