// Which cell shows a flow in full: the one that ran last. Pure.

export interface ShowingCell {
  readonly id: string;
  /** The number beside it; null while it runs, and before. */
  readonly count: number | null;
  /** Whether its output shows the flow. */
  readonly shows: boolean;
}

/**
 * The id of the cell that shows the flow in full; null if none shows it.
 *
 * @param before the cell that did so last; it stays while it runs again and has no output yet.
 */
export function latest(cells: readonly ShowingCell[], before: string | null): string | null {
  const held = cells.find(({ id }) => id === before);
  if (held !== undefined && held.count === null && !held.shows) {
    return held.id;
  }
  let found: ShowingCell | null = null;
  for (const one of cells) {
    if (one.shows && (found === null || when(one) >= when(found))) {
      found = one;
    }
  }
  return found?.id ?? null;
}

function when({ count }: ShowingCell): number {
  return count ?? Infinity;
}
