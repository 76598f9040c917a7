// What failed, before anything else: which task, why, and what to do about it.
import { button, html, setText, set } from "../dom";
import type { CellInfo, Failures } from "../../wire/frames";

export interface FailureActions {
  /** Show a task and its details. */
  readonly go: (id: string) => void;
  readonly again: () => void;
  readonly toCell: (cell: string) => void;
}

export class FailureLine {
  readonly element: HTMLElement;
  private readonly words = html("span", { class: "words" });
  private readonly cell = html("span", { class: "in-cell" });
  private readonly toCell: HTMLButtonElement;
  private first = "";
  private origin = "";

  constructor({ go, again, toCell }: FailureActions) {
    const toTask = button("Go to the task", "Show the task that failed, and its details", () => {
      go(this.first);
    });
    this.toCell = button("Go to the cell", "Show the cell that this task comes from", () => {
      toCell(this.origin);
    });
    const fromHere = button(
      "Run again from here",
      "Run what did not succeed, and what needs it; only the resources needed are set up",
      again,
    );
    this.element = html(
      "div",
      { class: "failures", role: "status", hidden: true },
      html("span", { class: "what" }, this.words, this.cell),
      html("span", { class: "group" }, toTask, this.toCell, fromHere),
    );
  }

  /**
   * @param origin the cell of a task, if it is known.
   * @param hasCells whether the page can go to a cell.
   */
  show(
    failures: Failures | null,
    isOn: boolean,
    origin: (id: string) => CellInfo | undefined,
    hasCells: boolean,
  ): void {
    const [first] = failures?.first ?? [];
    set(this.element, { hidden: first === undefined || isOn });
    if (failures === null || first === undefined) {
      return;
    }
    const [id, reason] = first;
    this.first = id;
    const cell = origin(id);
    this.origin = cell?.id ?? "";
    setText(this.cell, inCell(cell));
    set(this.toCell, { hidden: !hasCells || this.origin === "" });
    setText(this.words, failureWords(failures.total, id, reason));
    set(this.words, { title: failures.first.map(([one, why]) => `${one}: ${why}`).join("\n") });
  }
}

/** `, in cell [6]`; "" where no number is known. */
export function inCell(cell: CellInfo | undefined): string {
  const number = cell?.number ?? null;
  return number === null ? "" : `, in cell [${number}]`;
}

/** `1 failed: publish: ConnectionError: 403`; the first of several. */
export function failureWords(total: number, id: string, reason: string): string {
  const first = total === 1 ? "" : "first ";
  return `${total.toLocaleString("en")} failed: ${first}${id}${reason === "" ? "" : `: ${reason}`}`;
}
