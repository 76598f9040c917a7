// The line above a flow whose kernel has ended: what became of its resources, and what to do with
// those that are kept.
import { button, html, set, setText } from "../../widget/dom";

export class EndedLine {
  readonly element: HTMLElement;
  private readonly words = html("span", { class: "words" });
  private readonly acts: HTMLElement;

  /** @param cleanUp cleans up what is kept. */
  constructor(cleanUp: () => void) {
    this.acts = html(
      "span",
      { class: "acts", hidden: true },
      html("span", {}, "Run this cell to use it again, or"),
      button("Clean up", "Clean up what is kept for the next kernel", cleanUp),
    );
    this.element = html(
      "div",
      { class: "resnb-ended-line", role: "status" },
      this.words,
      this.acts,
    );
  }

  show(words: string, isKept: boolean): void {
    setText(this.words, words);
    set(this.acts, { hidden: !isKept });
    this.element.classList.toggle("is-kept", isKept);
  }
}
