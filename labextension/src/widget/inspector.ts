// A closer look at one node or cluster: what the kernel tells of it, beside the graph.
import { button, html, say, set } from "./dom";
import type { Picked } from "./graph";
import type { Inspected } from "./protocol";

/** States of a lease, or none, in which there is nothing to clean up or keep. */
const NOTHING_LEFT: ReadonlySet<string> = new Set(["", "not yet", "closed"]);

export interface InspectorActions {
  readonly close: () => void;
  readonly cleanUp: (id: string) => void;
  readonly keep: (id: string) => void;
}

export class Inspector {
  readonly element: HTMLElement;
  private readonly title = html("h4");
  private readonly content = html("div", { class: "content" });
  private readonly buttons: HTMLElement;
  private picked: Picked | null = null;

  constructor(actions: InspectorActions) {
    const of = (act: (id: string) => void) => (): void => {
      if (this.picked !== null) {
        act(this.picked.id);
      }
    };
    this.buttons = html(
      "div",
      { class: "group" },
      button("Clean up", "Clean up this resource", of(actions.cleanUp)),
      button("Keep for 30 min", "Let it survive a kernel restart for 30 minutes", of(actions.keep)),
    );
    const close = button("×", "Close", actions.close);
    set(close, { "aria-label": "close details", class: "quiet" });
    this.element = html(
      "aside",
      { class: "inspector", hidden: true, "aria-label": "details" },
      html("header", {}, this.title, close),
      this.buttons,
      this.content,
    );
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") {
        actions.close();
      }
    });
  }

  /** Show that something was picked, before the kernel has answered; null for nothing. */
  open(picked: Picked | null): void {
    const isSame = picked?.id === this.picked?.id && picked?.what === this.picked?.what;
    this.picked = picked;
    set(this.element, { hidden: picked === null });
    if (picked !== null) {
      say(this.title, picked.id);
    }
    if (!isSame) {
      set(this.buttons, { hidden: true });
      this.content.replaceChildren();
    }
  }

  show(found: Inspected): void {
    if (found.id !== this.picked?.id || found.what !== this.picked.what) {
      return; // another view of the flow has asked
    }
    const lease = found.rows.find(([name]) => name === "lease")?.[1] ?? "";
    set(this.buttons, { hidden: NOTHING_LEFT.has(lease) });
    const rows = found.rows.flatMap(([name, value]) => [
      html("dt", {}, name),
      html("dd", { class: value.includes("\n") ? "lines" : "" }, value),
    ]);
    const texts = found.texts.map(([name, text]) =>
      html("details", { open: true }, html("summary", {}, name), html("pre", {}, text)),
    );
    this.content.replaceChildren(html("dl", {}, ...rows), ...texts);
  }
}
