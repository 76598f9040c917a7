// Makes room for the list of resources in the Running panel, where seven sections share the height.
import type { AccordionPanel, Widget } from "@lumino/widgets";

/** The largest share of the height that one section gets beside others. */
const MOST = 0.6;

/**
 * Expand a section, and make it higher if it is lower than wanted.
 *
 * @param wanted its height in pixels, as far as there is room.
 */
export function makeRoom(panel: AccordionPanel, section: Widget, wanted: number): void {
  const place = panel.widgets.indexOf(section);
  if (place === -1) {
    return;
  }
  panel.expand(place);
  const height = panel.widgets.reduce((sum, { node }) => sum + node.offsetHeight, 0);
  const sizes = shares(panel.relativeSizes(), place, height > 0 ? wanted / height : 0);
  if (sizes !== null) {
    panel.setRelativeSizes(sizes);
  }
}

/** The sizes that give one section at least a share, the others in proportion; null if it has it. */
export function shares(sizes: readonly number[], place: number, wanted: number): number[] | null {
  const all = sizes.reduce((sum, one) => sum + one, 0);
  const own = (sizes[place] ?? 0) / all;
  const share = Math.min(wanted, MOST);
  if (!(own < share)) {
    return null;
  }
  const others = (1 - share) / (1 - own);
  return sizes.map((one, at) => (at === place ? share : (one / all) * others));
}
