// The drawer over the graph: details, timeline and legend as tabs. It opens where the graph is, and
// does not move it.
import { button, focusOn, html, set } from "./dom";

export type Tab = "details" | "timeline" | "legend";

const TABS: readonly (readonly [Tab, string])[] = [
  ["details", "Details"],
  ["timeline", "Timeline"],
  ["legend", "Legend"],
];

let drawers = 0;

export class Drawer {
  readonly element: HTMLElement;
  private readonly tabs: ReadonlyMap<Tab, HTMLButtonElement>;
  private shown: Tab | null = null;
  private opener: Element | null = null; // what had the focus then

  constructor(
    private readonly panels: Readonly<Record<Tab, HTMLElement>>,
    private readonly changed: (tab: Tab | null) => void,
  ) {
    drawers += 1;
    const prefix = `resnb-drawer-${drawers}`;
    this.tabs = new Map(
      TABS.map(([tab, name]) => {
        const made = button(name, "", () => {
          this.open(tab);
        });
        set(made, {
          role: "tab",
          id: `${prefix}-${tab}`,
          "aria-controls": `${prefix}-${tab}-panel`,
        });
        const panel = panels[tab];
        set(panel, { role: "tabpanel", id: `${prefix}-${tab}-panel` });
        set(panel, { "aria-labelledby": `${prefix}-${tab}`, hidden: true });
        return [tab, made];
      }),
    );
    const close = button("×", "Close", () => {
      this.open(null);
    });
    set(close, { "aria-label": "close details", class: "quiet close" });
    const list = html("div", { role: "tablist", "aria-label": "more" }, ...this.tabs.values());
    this.element = html(
      "aside",
      { class: "drawer", hidden: true, "aria-label": "details, timeline and legend" },
      html("header", {}, list, close),
      ...Object.values(panels),
    );
    this.element.addEventListener("keydown", this.keyed);
  }

  get tab(): Tab | null {
    return this.shown;
  }

  /** Show a tab; null closes the drawer. */
  open(tab: Tab | null): void {
    const isOther = tab !== this.shown;
    const { activeElement } = document;
    const hadFocus = this.element.contains(activeElement);
    if (this.shown === null && !hadFocus) {
      this.opener = activeElement;
    }
    this.shown = tab;
    set(this.element, { hidden: tab === null, "data-tab": tab ?? false });
    for (const [name, made] of this.tabs) {
      const isIt = name === tab;
      set(made, { "aria-selected": isIt ? "true" : "false", tabindex: isIt ? 0 : -1 });
      set(this.panels[name], { hidden: !isIt });
    }
    if (isOther) {
      this.changed(tab);
    }
    if (tab === null && hadFocus) {
      focusOn(this.opener);
    }
  }

  toggle(tab: Tab): void {
    this.open(this.shown === tab ? null : tab);
  }

  private readonly keyed = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault(); // the whole window stays
      this.open(null);
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined && event.target instanceof Element && event.target.role === "tab") {
      const at = TABS.findIndex(([tab]) => tab === this.shown);
      const [tab] = TABS[(at + step + TABS.length) % TABS.length] ?? ["details"];
      this.open(tab);
      this.tabs.get(tab)?.focus();
    }
  };
}
