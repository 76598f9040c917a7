// The resources of a mapped scope in the inspector: a line for each, with its own buttons.
import { button, html, setText, set } from "../dom";
import type { ItemInfo } from "../../wire/frames";
import { className, leaseLook } from "../vocabulary";

export type Act = "cleanup_one" | "keep_one" | "forget_one";
export const CLEAN_UP = "Clean up this resource";
export const KEEP = "Let it survive a kernel's end for 30 minutes";

interface Line {
  readonly element: HTMLElement;
  readonly show: (info: ItemInfo) => void;
}

export class Items {
  readonly element = html("ul", { class: "items", "aria-label": "resources" });
  private lines: readonly Line[] = [];

  constructor(private readonly act: (command: Act, item: number) => void) {}

  /** Show these; existing lines stay, so that a button can be pressed twice. */
  show(items: readonly ItemInfo[]): void {
    if (this.lines.length !== items.length) {
      this.lines = items.map((_, place) => this.lines[place] ?? this.made());
      this.element.replaceChildren(...this.lines.map(({ element }) => element));
    }
    items.forEach((info, place) => this.lines[place]?.show(info));
  }

  private made(): Line {
    let item = 0;
    const of = (command: Act, text: string): HTMLButtonElement =>
      button(text, "", () => {
        this.act(command, item);
      });
    const [cleanUp, keep] = [of("cleanup_one", "Clean up"), of("keep_one", "Keep")];
    const forget = new Forget(() => {
      this.act("forget_one", item);
    });
    const [name, state, said] = [html("b"), html("span"), html("small")];
    return {
      element: html(
        "li",
        {},
        name,
        state,
        html("span", { class: "group" }, cleanUp, keep),
        said,
        forget.element,
      ),
      show: (info) => {
        const { mark, word } = leaseLook(info.state);
        item = info.item;
        setText(name, info.name);
        setText(state, `${mark} ${word}`);
        set(state, { class: `state is-${className(word)}` });
        setText(said, info.said);
        enable(cleanUp, info.cleanup, CLEAN_UP);
        enable(keep, info.keep, KEEP);
        forget.show(info.forget);
      },
    };
  }
}

/** Where nobody can clean a resource up: a button, and the question whether it is really gone. */
export class Forget {
  readonly element: HTMLElement;
  private readonly first: HTMLButtonElement;
  private readonly question: HTMLElement;

  constructor(forget: () => void) {
    this.first = button("Forget …", "Nobody can clean it up: take it off the list", () => {
      this.ask(true);
      yes.focus();
    });
    const yes = button("It is gone: forget it", "", () => {
      this.ask(false);
      forget();
    });
    const no = button("Not yet", "", () => {
      this.ask(false);
      this.first.focus();
    });
    this.question = html(
      "div",
      { class: "question", role: "group", "aria-label": "forget it", hidden: true },
      html(
        "p",
        {},
        "Nobody knows what its set-up has made. Is it really gone? Nothing looks for it then.",
      ),
      html("span", { class: "group" }, yes, no),
    );
    this.element = html("div", { hidden: true }, this.first, this.question);
  }

  show(isOffered: boolean): void {
    set(this.element, { hidden: !isOffered });
  }

  private ask(isAsked: boolean): void {
    set(this.question, { hidden: !isAsked });
    set(this.first, { hidden: isAsked });
  }
}

/** Enable a button, or say why it is disabled. */
export function enable(one: HTMLButtonElement, why: string, title: string): void {
  set(one, { disabled: why !== "", title: why === "" ? title : why });
}
