// The tips of links.
import { svg } from "../dom";

const BOX = { refX: 6, refY: 2.6, markerWidth: 7, markerHeight: 6, orient: "auto" };

/** The tips of links between tasks, and of those between steps of a scope, whose id ends in "-own". */
export function arrows(id: string): SVGDefsElement {
  return svg("defs", {}, arrow(id, "tip"), arrow(`${id}-own`, "own-tip"));
}

function arrow(id: string, name: string): SVGMarkerElement {
  return svg(
    "marker",
    { id, markerUnits: "userSpaceOnUse", ...BOX },
    svg("path", { d: "M0,0L6,2.6L0,5.2Z", class: name }),
  );
}
