// The details of one node or cluster, beside the graph.
import { button, html, setText, set } from "../dom";
import type { Subject } from "../subject";
import { type Act, CLEAN_UP, enable, Forget, Items, KEEP } from "./items";
import type { CellInfo, Frame, Inspected } from "../../wire/frames";
import type { Unreadable } from "../frames";
import { LogTexts, Texts, Values } from "./sections";
import { duration } from "../words";

const SECOND = 1000;
const NOTHING = "Choose a task or a resource in the graph.";

export interface InspectorActions {
  readonly act: (command: Act, picked: Subject, item?: number) => void;
  readonly toCell: (cell: string) => void;
}

/** A row with seconds that go on. */
interface Clock {
  readonly element: HTMLElement;
  readonly began: number;
}

export class Inspector {
  readonly element: HTMLElement;
  private readonly title = html("h4", {}, NOTHING);
  private readonly facts = html("dl");
  private readonly items: Items;
  private readonly texts = new Texts();
  private readonly logs = new LogTexts();
  private readonly values = new Values();
  private readonly cleanUp: HTMLButtonElement;
  private readonly keep: HTMLButtonElement;
  private readonly forget: Forget;
  private readonly buttons: HTMLElement;
  private readonly toCell: HTMLButtonElement;
  private origin = "";
  private clocks: readonly Clock[] = [];
  private picked: Subject | null = null;

  constructor({ act, toCell }: InspectorActions, signal: AbortSignal) {
    const ask = (command: Act, item?: number): void => {
      if (this.picked !== null) {
        act(command, this.picked, item);
      }
    };
    this.cleanUp = button("Clean up", "", () => {
      ask("cleanup_one");
    });
    this.keep = button("Keep 30 minutes", "", () => {
      ask("keep_one");
    });
    this.toCell = button("", "Show the cell that this comes from", () => {
      toCell(this.origin);
    });
    set(this.toCell, { class: "to-cell", hidden: true });
    this.items = new Items(ask);
    this.forget = new Forget(() => {
      ask("forget_one");
    });
    this.buttons = html("div", { class: "group", hidden: true }, this.cleanUp, this.keep);
    const { facts, texts, logs, values } = this;
    this.element = html(
      "section",
      { class: "inspector", tabindex: 0 },
      html("header", {}, this.title, this.toCell),
      this.buttons,
      this.forget.element,
      facts,
      this.items.element,
      texts.element,
      logs.element,
      values.element,
    );
    const clock = setInterval(this.tick, SECOND);
    signal.addEventListener("abort", () => {
      clearInterval(clock);
    });
  }

  /** Show what was picked, and its whole name, before the kernel has answered; null for nothing. */
  open(picked: Subject | null, name = picked?.id ?? ""): void {
    const isSame = picked !== null && picked.id === this.picked?.id;
    const isKnown = isSame && picked.what === this.picked?.what;
    this.picked = picked;
    setText(this.title, picked === null ? NOTHING : name);
    if (!isKnown) {
      set(this.buttons, { hidden: true });
      this.forget.show(false);
      this.clocks = [];
      this.facts.replaceChildren();
      this.items.show([]);
      this.texts.show([]);
      this.logs.clear();
      this.values.show("", null);
    }
  }

  /** Offer to go to the cell of what was picked. */
  showOrigin(cell: CellInfo | undefined): void {
    this.origin = cell?.id ?? "";
    setText(this.toCell, cell?.number == null ? "Go to the cell" : `Go to cell [${cell.number}]`);
    set(this.toCell, { hidden: this.origin === "" });
  }

  /** Show a frame if it is about what was picked; `view` is this view's name. */
  received(frame: Frame | Unreadable, view: string): void {
    if (frame.frame === "inspected" && this.isPicked(frame)) {
      this.show(frame);
    } else if (frame.frame === "preview" && this.isPicked(frame)) {
      this.values.show(frame.title, frame.shows);
    } else if (frame.frame === "logs") {
      for (const news of frame.logs) {
        if (news.to === view && this.isPicked(news)) {
          this.logs.add(news);
        }
      }
    }
  }

  private isPicked({ what, id }: Subject): boolean {
    return what === this.picked?.what && id === this.picked.id;
  }

  private show({ rows, clocks, texts, actions, items }: Inspected): void {
    set(this.buttons, { hidden: actions === null });
    enable(this.cleanUp, actions?.cleanup ?? "", CLEAN_UP);
    enable(this.keep, actions?.keep ?? "", KEEP);
    this.forget.show(actions?.forget === true && items.length === 0);
    this.items.show(items);
    const now = performance.now();
    this.clocks = clocks.map(([, seconds]) => ({
      element: html("dd"),
      began: now - SECOND * seconds,
    }));
    this.tick();
    const facts = rows.map(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]);
    const ticking = clocks.map(([name], place) => [
      html("dt", {}, name),
      this.clocks[place]?.element ?? "",
    ]);
    const [first = [], ...others] = facts;
    this.facts.replaceChildren(...first, ...ticking.flat(), ...others.flat());
    this.texts.show(texts);
  }

  private readonly tick = (): void => {
    for (const { element, began } of this.clocks) {
      setText(element, duration((performance.now() - began) / SECOND));
    }
  };
}
