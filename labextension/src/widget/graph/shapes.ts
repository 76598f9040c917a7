// The outlines of nodes: each kind has its own, so that kinds differ even without colour.
import type { NodeInfo } from "../../wire/frames";

const CUT = 6;
const BEHIND = 3;

/** The outline of a node, with its upper left corner at 0,0. */
export function outline({ kind, mapped, box: [, , width, height] }: NodeInfo): string {
  if (mapped || kind === "folded") {
    return rounded(width, height, 4);
  }
  switch (kind) {
    case "parameter":
      return `M0,0H${width - CUT}L${width},${CUT}V${height}H0Z`;
    case "case":
    case "merge":
      return octagon(width, height);
    case "init":
    case "setup":
    case "cleanup":
      return rounded(width, height, height / 2);
    case "task":
      return rounded(width, height, 6);
  }
}

/** What is drawn with the outline: the sheets of a mapped node, a parameter's dog-ear. */
export function extra({ kind, mapped, box: [, , width, height] }: NodeInfo): string {
  if (mapped || kind === "folded") {
    return sheet(width, height, 2 * BEHIND) + sheet(width, height, BEHIND);
  }
  return kind === "parameter" ? `M${width - CUT},0V${CUT}H${width}` : "";
}

function sheet(width: number, height: number, by: number): string {
  const [right, bottom] = [width + by, height + by];
  return `M${right - BEHIND},${by}H${right}V${bottom}H${by}V${bottom - BEHIND}`;
}

function rounded(width: number, height: number, radius: number): string {
  const r = Math.min(radius, width / 2, height / 2);
  const arc = (x: number, y: number): string => `A${r},${r} 0 0 1 ${x},${y}`;
  return (
    `M${r},0H${width - r}${arc(width, r)}V${height - r}${arc(width - r, height)}` +
    `H${r}${arc(0, height - r)}V${r}${arc(r, 0)}Z`
  );
}

function octagon(width: number, height: number): string {
  const c = Math.min(CUT, height / 2);
  return (
    `M${c},0H${width - c}L${width},${c}V${height - c}L${width - c},${height}` +
    `H${c}L0,${height - c}V${c}Z`
  );
}
