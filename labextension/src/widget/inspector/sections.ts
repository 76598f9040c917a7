// The parts of the inspector that can be opened and closed; they stay as the user left them while
// their contents change.
import { html } from "../dom";
import { withCarriageReturns, EMPTY, appended, type Log } from "./log";
import type { LogNews, Shows } from "../../wire/frames";

interface Section {
  readonly element: HTMLDetailsElement;
  readonly body: HTMLElement;
}

export class Sections {
  readonly element = html("div");
  private readonly known = new Map<string, Section>();

  /** The section with that name; appended if there is none. */
  open(name: string, make: () => HTMLElement): Section {
    const found = this.known.get(name);
    if (found !== undefined) {
      return found;
    }
    const body = make();
    const element = html("details", { open: true }, html("summary", {}, name), body);
    const made = { element, body };
    this.known.set(name, made);
    this.element.append(element);
    return made;
  }

  /** Remove all sections but these. */
  keep(names: ReadonlySet<string>): void {
    for (const [name, { element }] of this.known) {
      if (!names.has(name)) {
        element.remove();
        this.known.delete(name);
      }
    }
  }
}

/** Texts with their names. */
export class Texts extends Sections {
  show(texts: readonly (readonly [string, string])[]): void {
    this.keep(new Set(texts.map(([name]) => name)));
    for (const [name, text] of texts) {
      const { body } = this.open(name, () => html("pre"));
      if (body.textContent !== text) {
        body.textContent = text;
      }
    }
  }
}

/** Growing logs: only new text is added, and the scroll position stays unless it is at the end. */
export class LogTexts extends Sections {
  private readonly logs = new Map<string, Log>();

  clear(): void {
    this.keep(new Set());
    this.logs.clear();
  }

  add(news: LogNews): void {
    const before = this.logs.get(news.name) ?? EMPTY;
    const now = appended(before, news);
    this.logs.set(news.name, now);
    if (now.text === "") {
      this.keep(new Set([...this.logs.keys()].filter((name) => this.logs.get(name)?.text !== "")));
      return;
    }
    const { body } = this.open(news.name, () => html("pre", { class: "log", tabindex: 0 }));
    const isAtEnd = body.scrollTop + body.clientHeight >= body.scrollHeight - 4;
    const isPlain = !now.text.includes("\r");
    if (isPlain && before.text !== "" && now.text.startsWith(before.text)) {
      body.append(now.text.slice(before.text.length));
    } else {
      body.textContent = withCarriageReturns(now.text);
    }
    if (isAtEnd) {
      body.scrollTop = body.scrollHeight;
    }
  }
}

/** A value: its type, and a picture, a table or a text. */
export class Values extends Sections {
  show(title: string, shows: Shows | null): void {
    this.keep(new Set(shows === null ? [] : [title]));
    if (shows === null) {
      return;
    }
    const { body } = this.open(title, () => html("div", { class: "value" }));
    const kind = [shows.type, shows.shape].filter((one) => one !== undefined && one !== "");
    const parts: HTMLElement[] = kind.length ? [html("p", {}, kind.join(" · "))] : [];
    if (shows.image !== undefined) {
      const src = `data:image/png;base64,${shows.image}`;
      parts.push(html("img", { src, alt: `picture of a ${shows.type}` }));
    }
    if (shows.table !== undefined) {
      parts.push(html("div", { class: "scroll", tabindex: 0 }, tabled(shows.table)));
    }
    if (shows.text !== "") {
      parts.push(html("pre", {}, shows.text));
    }
    body.replaceChildren(...parts);
  }
}

function tabled([head = [], ...rows]: readonly (readonly string[])[]): HTMLElement {
  const line = (tag: "td" | "th", cells: readonly string[]): HTMLElement =>
    html("tr", {}, ...cells.map((cell, place) => html(place === 0 ? "th" : tag, {}, cell)));
  return html(
    "table",
    {},
    html("thead", {}, line("th", head)),
    html("tbody", {}, ...rows.map((row) => line("td", row))),
  );
}
