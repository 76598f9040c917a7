// States and progress in words.
import { DONE, FAILURES, PENDING, RUNNING } from "../wire/vocabulary";
import type {
  ClusterInfo,
  Count,
  LeaseCount,
  LeaseState,
  NodeInfo,
  ScopeTimes,
  StateCode,
  Tally,
} from "../wire/frames";
import type { Timed } from "./model";
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
  time = "",
  mark = "",
): string {
  const value = node.kind === "parameter" && note !== "" ? ` = ${note}` : "";
  const parts = [
    `${node.name ?? node.id}${value}`,
    kindWord(node.kind, node.mapped),
    taskLook(code).word,
  ];
  for (const [state, many] of counts) {
    parts.push(`${number.format(many)} ${taskLook(state).word}`);
  }
  return [...parts, time, mark].filter((one) => one !== "").join(", ");
}

/** Whether a mark says that a task is stale, or tasks folded into a node are. */
export function isStale(mark: string): boolean {
  return /\bstale\b/.test(mark);
}

/** A mark in a word or two: `stale`, `cell deleted`. */
export function markText(mark: string): string {
  return mark.replace(/\bstale:.*$/, "stale");
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
  time = "",
): string {
  const { id, manager, mapped, notes } = cluster;
  const own = cluster.name ?? id;
  const name = id === manager ? own : `${own} = ${manager}`;
  const word = mapped ? stackText(stack) : leaseLook(lease).word;
  return [`resource ${name}`, word, time, ...notes].filter((one) => one !== "").join(", ");
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

/** `380 ms`, `12.4 s`, `2 min 05 s`, `1 h 10 min`. */
export function durationText(seconds: number): string {
  if (seconds < 0.001) {
    return "under 1 ms";
  }
  if (seconds < 0.9995) {
    return `${Number((1000 * seconds).toPrecision(3))} ms`;
  }
  if (seconds < 59.95) {
    return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  }
  return duration(Math.round(seconds));
}

/** What a task took, or has been taking if it is `running`; it counts on since it was told. */
export function taskTime(time: Timed<number> | undefined, running: boolean, now: number): string {
  if (time === undefined) {
    return "";
  }
  return running ? duration(time.value + passed(time, now)) : durationText(time.value);
}

function passed({ at }: Timed<unknown>, now: number): number {
  return Math.max(0, now - at) / 1000;
}

/** `open 12 min 05 s, idle 69 %, about 0.40`: how long a resource was open, used, and what it cost. */
export function scopeTime(
  time: Timed<ScopeTimes> | undefined,
  cost: number | null,
  now: number,
): string {
  if (time === undefined || (time.value.open === 0 && time.value.opened === 0)) {
    return "";
  }
  const { opened, used, busy } = time.value;
  const since = passed(time, now);
  const open = time.value.open + opened * since;
  const parts = [`open ${opened > 0 ? duration(open) : durationText(open)}`];
  if (used !== null && open > 0) {
    const work = used + (busy && opened > 0 ? since : 0);
    parts.push(`idle ${Math.round(100 * Math.min(1, Math.max(0, 1 - work / open)))} %`);
  }
  if (cost !== null) {
    parts.push(`about ${((cost * open) / 3600).toFixed(2)}`);
  }
  return parts.join(", ");
}

/** What a scope does for itself now, or has done last: `set-up 2.10 s`. */
export function stepText(
  time: Timed<ScopeTimes> | undefined,
  lease: LeaseState,
  now: number,
): string {
  if (time === undefined) {
    return "";
  }
  const { steps, setup, cleanup } = time.value;
  const [name, code, seconds] =
    steps[2] === PENDING
      ? (["set-up", steps[1], setup] as const)
      : (["clean-up", steps[2], cleanup] as const);
  const isOn = code === RUNNING || lease === "opening" || lease === "closing";
  if (FAILURES.has(code)) {
    return `${name} ${taskLook(code).word}`;
  }
  if (seconds === null) {
    return "";
  }
  return `${name} ${isOn ? duration(seconds + passed(time, now)) : durationText(seconds)}`;
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
