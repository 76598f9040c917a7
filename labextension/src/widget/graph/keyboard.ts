// Finds what the arrow keys lead to. Pure.
import type { Box } from "../../wire/frames";

export type Direction = "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

const SIDEWAYS = 2; // what lies straight ahead is nearer than what lies beside it

/** The place of the nearest box in a direction; null if there is none. */
export function nearest(boxes: readonly Box[], from: number, direction: Direction): number | null {
  const start = boxes[from];
  if (start === undefined) {
    return boxes.length ? 0 : null;
  }
  let found: number | null = null;
  let least = Infinity;
  boxes.forEach((box, place) => {
    const [ahead, beside] = offset(start, box, direction);
    const distance = ahead + SIDEWAYS * Math.abs(beside);
    if (place !== from && ahead > 0.5 && distance < least) {
      least = distance;
      found = place;
    }
  });
  return found;
}

function offset(start: Box, box: Box, direction: Direction): readonly [number, number] {
  const x = box[0] + box[2] / 2 - start[0] - start[2] / 2;
  const y = box[1] + box[3] / 2 - start[1] - start[3] / 2;
  switch (direction) {
    case "ArrowUp":
      return [-y, x];
    case "ArrowDown":
      return [y, x];
    case "ArrowLeft":
      return [-x, y];
    case "ArrowRight":
      return [x, y];
  }
}
