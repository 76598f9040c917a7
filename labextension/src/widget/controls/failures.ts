// What failed, before anything else: which task, why, and what to do about it.
import { button, html, setText, set } from "../dom";
import type { Failures } from "../../wire/frames";

export interface FailureActions {
  /** Show a task and its details. */
  readonly go: (id: string) => void;
  readonly again: () => void;
}

export class FailureLine {
  readonly element: HTMLElement;
  private readonly words = html("span", { class: "words" });
  private first = "";

  constructor({ go, again }: FailureActions) {
    const toTask = button("Go to the task", "Show the task that failed, and its details", () => {
      go(this.first);
    });
    const fromHere = button(
      "Run again from here",
      "Run what did not succeed, and what needs it; only the resources needed are set up",
      again,
    );
    this.element = html(
      "div",
      { class: "failures", role: "status", hidden: true },
      this.words,
      html("span", { class: "group" }, toTask, fromHere),
    );
  }

  show(failures: Failures | null, isOn: boolean): void {
    const [first] = failures?.first ?? [];
    set(this.element, { hidden: first === undefined || isOn });
    if (failures === null || first === undefined) {
      return;
    }
    const [id, reason] = first;
    this.first = id;
    setText(this.words, failureWords(failures.total, id, reason));
    set(this.words, { title: failures.first.map(([one, why]) => `${one}: ${why}`).join("\n") });
  }
}

/** `1 failed: publish: ConnectionError: 403`; the first of several. */
export function failureWords(total: number, id: string, reason: string): string {
  const first = total === 1 ? "" : "first ";
  return `${total.toLocaleString("en")} failed: ${first}${id}${reason === "" ? "" : `: ${reason}`}`;
}
