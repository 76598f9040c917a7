// A button with a menu, in which each entry says what it does.
import { html, set, setText } from "../dom";
import { iconButton, type Icon } from "./icons";

export interface Entry {
  readonly text: string;
  readonly about: string;
  readonly pressed: () => void;
}

let menus = 0;

export class Menu {
  readonly element: HTMLElement;
  private readonly button: HTMLButtonElement;
  private readonly list: HTMLElement;
  private readonly entries: readonly HTMLButtonElement[];

  constructor(icon: Icon, text: string, title: string, entries: readonly Entry[]) {
    menus += 1;
    const id = `resnb-menu-${menus}`;
    this.entries = entries.map(({ text: name, about, pressed }) => {
      const made = html(
        "button",
        { type: "button", role: "menuitem", tabindex: -1 },
        html("span", {}, name),
        html("small", {}, about),
      );
      made.addEventListener("click", () => {
        this.list.hidePopover();
        pressed();
      });
      return made;
    });
    this.list = html(
      "div",
      { id, class: "menu", role: "menu", "aria-label": text },
      ...this.entries,
    );
    this.list.popover = "auto"; // over everything, and gone with Escape or a click elsewhere
    this.button = iconButton(icon, text, title, () => {
      this.list.togglePopover();
    });
    set(this.button, { "aria-haspopup": "menu", "aria-controls": id, "aria-expanded": "false" });
    this.button.classList.add("with-menu");
    this.list.addEventListener("toggle", (event) => {
      this.toggled(event.newState === "open");
    });
    this.list.addEventListener("keydown", this.keyed);
    this.element = html("span", { class: "with-list" }, this.button, this.list);
  }

  /** Why each entry is of no use now; empty if it is. */
  show(why: readonly string[]): void {
    set(this.button, { disabled: why.every((one) => one !== "") });
    this.entries.forEach((entry, place) => {
      set(entry, { disabled: why[place] !== "", title: why[place] ?? "" });
    });
  }

  /** The text of an entry. */
  tell(place: number, about: string): void {
    const small = this.entries[place]?.querySelector("small");
    if (small) {
      setText(small, about);
    }
  }

  private toggled(isOpen: boolean): void {
    set(this.button, { "aria-expanded": isOpen ? "true" : "false" });
    if (isOpen) {
      const { left, bottom } = this.button.getBoundingClientRect();
      const room = innerWidth - this.list.offsetWidth - 8;
      this.list.style.left = `${Math.max(8, Math.min(left, room))}px`;
      this.list.style.top = `${Math.min(bottom + 4, innerHeight - this.list.offsetHeight - 8)}px`;
      this.entries.find((one) => !one.disabled)?.focus();
    }
  }

  private readonly keyed = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    event.stopPropagation();
    if (event.key === "Tab") {
      this.list.hidePopover(); // and on it goes from the button
    }
    if (step !== undefined) {
      const able = this.entries.filter((one) => !one.disabled);
      const at = able.findIndex((one) => one === document.activeElement);
      able[(at + step + able.length) % able.length]?.focus();
      event.preventDefault();
    }
  };
}
