// A text that is cut off in its middle where there is little room: long names often differ only at
// their ends.
import { html } from "../../widget/dom";

/** The shortest text that may be cut in its middle, and how much of its end then stays. */
const LEAST = 20;
const END = 12;

const JOINER = "\u200d";
/** What belongs to the character before: accents, joiners, and what varies the look of emoji. */
const JOINED = /^(?:\p{M}|\p{EMod}|\u200d)/u;

/** The part of a text that may be cut off, and the end that stays; no character is torn. */
export function withEnd(text: string): readonly [string, string] {
  const found = Array.from(text);
  let at = found.length < LEAST ? found.length : found.length - END;
  while (at > 0 && (JOINED.test(found[at] ?? "") || found[at - 1] === JOINER)) {
    at -= 1;
  }
  return [found.slice(0, at).join(""), found.slice(at).join("")];
}

/** Show a text in an element; resources.css lets the first part shrink. */
export function showKeepingEnd(element: HTMLElement, text: string): void {
  if (element.textContent !== text || element.childElementCount === 0) {
    const [start, end] = withEnd(text);
    element.replaceChildren(html("span", { class: "start" }, start), html("span", {}, end));
    element.dir = "auto";
    element.classList.add("resnb-keeping-end");
  }
}
