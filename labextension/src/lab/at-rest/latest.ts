// Which cell shows a flow in full: the one that ran last. Pure.

export interface ShowingCell {
  readonly id: string;
  /** The number beside it; null while it runs, and before. */
  readonly count: number | null;
  /** Whether its output shows the flow. */
  readonly shows: boolean;
}

/**
 * Notices which cells run: after a restart, numbers do not tell which of two cells ran last.
 * Cells that have not run since the page was loaded come first, by their numbers.
 */
export class Latest {
  private readonly counts = new Map<string, number | null>();
  private readonly order = new Map<string, number>();
  private runs = 0;
  private holder: string | null = null;

  /** The id of the cell that shows the flow in full by now; null if none shows it. */
  look(cells: readonly ShowingCell[]): string | null {
    for (const { id, count, shows } of cells) {
      const before = this.counts.get(id);
      const isRunning = count === null && shows && before !== null;
      if (isRunning || (before !== undefined && count !== null && before !== count)) {
        this.runs += 1;
        this.order.set(id, this.runs);
      }
      if (count !== null || shows) {
        this.counts.set(id, count);
      }
    }
    const held = cells.find(({ id }) => id === this.holder);
    if (held?.count !== null || held.shows) {
      this.holder = this.last(cells.filter(({ shows }) => shows));
    } // else it runs again and has no output yet
    return this.holder;
  }

  private last(cells: readonly ShowingCell[]): string | null {
    let found: ShowingCell | null = null;
    for (const one of cells) {
      if (found === null || !this.isBefore(one, found)) {
        found = one;
      }
    }
    return found?.id ?? null;
  }

  private isBefore(one: ShowingCell, other: ShowingCell): boolean {
    const [mine, theirs] = [this.order.get(one.id) ?? 0, this.order.get(other.id) ?? 0];
    return mine === theirs ? (one.count ?? Infinity) < (other.count ?? Infinity) : mine < theirs;
  }
}
