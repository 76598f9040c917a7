// The line above a flow whose kernel has ended: what became of its resources, and what to do with
// those that are kept.
import { button, html, set, setText } from "../../widget/dom";

export class EndedLine {
  readonly element: HTMLElement;
  private readonly words = html("span", { class: "words" });
  private readonly use = html("span", {});
  private readonly acts: HTMLElement;

  /** @param cleanUp cleans up what is kept. */
  constructor(cleanUp: () => void) {
    this.acts = html(
      "span",
      { class: "acts", hidden: true },
      this.use,
      button("Clean up", "Clean up what is kept for the next kernel", cleanUp),
    );
    this.element = html(
      "div",
      { class: "resnb-ended-line", role: "status" },
      this.words,
      this.acts,
    );
  }

  /** @param isOwn whether this cell is the one that uses what is kept. */
  show(words: string, isKept: boolean, isOwn: boolean): void {
    setText(this.words, words);
    setText(this.use, `Run ${isOwn ? "this" : "its"} cell to use it again, or`);
    set(this.acts, { hidden: !isKept });
    this.element.classList.toggle("is-kept", isKept);
  }
}
