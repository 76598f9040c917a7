// Which rows of a long list are visible. Pure.

export interface Visible {
  readonly first: number;
  /** One after the last. */
  readonly end: number;
}

/** Additional rows beyond the edges, so that scrolling shows no gaps. */
const SPARE = 6;

export function visible(many: number, rowHeight: number, top: number, height: number): Visible {
  const last = Math.max(0, many);
  const first = Math.floor(top / rowHeight) - SPARE;
  const end = Math.ceil((top + height) / rowHeight) + SPARE;
  return {
    first: Math.min(Math.max(0, first), last),
    end: Math.min(Math.max(0, end), last),
  };
}
