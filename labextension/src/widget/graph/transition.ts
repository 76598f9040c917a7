// Interpolates between two layouts. Pure.
import type { Box } from "../../wire/frames";

/** Easing that is slow at both ends. */
export function eased(time: number): number {
  return time < 0.5 ? 4 * time ** 3 : 1 - (2 - 2 * time) ** 3 / 2;
}

/** The box between two boxes; `time` is 0 at the first and 1 at the second. */
export function interpolateBox(from: Box, to: Box, time: number): Box {
  return [
    mixed(from[0], to[0], time),
    mixed(from[1], to[1], time),
    mixed(from[2], to[2], time),
    mixed(from[3], to[3], time),
  ];
}

const NUMBER = /-?\d+(?:\.\d+)?(?:e-?\d+)?/g;

/** The path between two paths; null if their commands differ. */
export function interpolatePath(from: string, to: string, time: number): string | null {
  const start = from.match(NUMBER) ?? [];
  if (from.replace(NUMBER, "") !== to.replace(NUMBER, "")) {
    return null;
  }
  let place = 0;
  return to.replace(NUMBER, (end) => {
    const begin = start[place] ?? end;
    place += 1;
    return mixed(Number(begin), Number(end), time).toFixed(1);
  });
}

function mixed(from: number, to: number, time: number): number {
  return from + (to - from) * time;
}
