// A list with only its visible rows in the page, all of one height for its width. A row stays the same element
// while it is shown, so that it keeps the focus.
import { html } from "../../widget/dom";
import { visible } from "./visible-rows";

export interface Row<T> {
  readonly element: HTMLElement;
  show(item: T): void;
}

export class Rows<T> {
  readonly element = html("div", { class: "resnb-scroll" });
  private readonly inside = html("ul", { class: "resnb-rows" });
  private readonly shown = new Map<string, Row<T>>();
  private readonly size: ResizeObserver;
  private items: readonly T[] = [];
  private frame = 0;

  /**
   * @param heightFor the height of a row in pixels, given the list's width.
   * @param key identifies an item.
   * @param make makes a row.
   */
  constructor(
    private readonly heightFor: (width: number) => number,
    private readonly key: (item: T) => string,
    private readonly make: () => Row<T>,
  ) {
    this.element.append(this.inside);
    this.element.addEventListener("scroll", this.soon, { passive: true });
    this.size = new ResizeObserver(this.soon);
    this.size.observe(this.element);
  }

  show(items: readonly T[]): void {
    this.items = items;
    this.draw();
  }

  dispose(): void {
    cancelAnimationFrame(this.frame);
    this.size.disconnect();
    this.element.removeEventListener("scroll", this.soon);
    this.shown.clear();
    this.inside.replaceChildren();
  }

  private readonly soon = (): void => {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.draw();
    });
  };

  private draw(): void {
    const { element, items } = this;
    const height = this.heightFor(element.clientWidth);
    const { first, end } = visible(items.length, height, element.scrollTop, element.clientHeight);
    this.inside.style.height = `${items.length * height}px`;
    const wanted = items.slice(first, end);
    const keys = new Set(wanted.map(this.key));
    for (const [key, row] of this.shown) {
      if (!keys.has(key)) {
        row.element.remove();
        this.shown.delete(key);
      }
    }
    wanted.forEach((item, place) => {
      this.drawRow(item, first + place, height);
    });
  }

  private drawRow(item: T, place: number, height: number): void {
    const key = this.key(item);
    let row = this.shown.get(key);
    if (row === undefined) {
      row = this.make();
      this.shown.set(key, row);
      this.inside.append(row.element);
    }
    row.element.style.transform = `translateY(${place * height}px)`;
    row.element.setAttribute("aria-posinset", String(place + 1));
    row.element.setAttribute("aria-setsize", String(this.items.length));
    row.show(item);
  }
}
