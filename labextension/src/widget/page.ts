// What a view and the notebook around it tell each other, by events: which cell is active, what to
// pick, which cell to go to. A page that tells nothing gets no buttons that lead to cells.
import type { Subject } from "./subject";

export const TOLD = "resnb-told";
export const GO_TO_CELL = "resnb-go-to-cell";

/** What a page tells a view. */
export interface Told {
  /** The front end's id of the active cell. */
  readonly cell?: string;
  readonly pick?: Subject;
}

/** Tell the view inside `node` something; returns whether there is one. */
export function tell(node: Element, told: Told): boolean {
  const view = node.querySelector(".resnb");
  view?.dispatchEvent(new CustomEvent<Told>(TOLD, { detail: told }));
  return view !== null;
}

/** Call `go` with the cells to which the views inside `node` lead, until `signal` aborts. */
export function followCells(
  node: EventTarget,
  go: (cell: string) => void,
  signal?: AbortSignal,
): void {
  const follow = (event: Event): void => {
    if (event instanceof CustomEvent) {
      go(event.detail as string);
    }
  };
  node.addEventListener(GO_TO_CELL, follow, signal === undefined ? {} : { signal });
}
