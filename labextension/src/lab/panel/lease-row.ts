// One lease in the list: its name and state, where it is held, for how long, how safe it is, and
// buttons.
import { button, html, setText, set, svg } from "../../widget/dom";
import type { Lease } from "../../wire/server";
import { age, fate, isLate, limits, standing, stateClass, stateWord } from "../leases/words";
import type { Resources } from "../tokens";
import { showKeepingEnd } from "./keeping-end";
import type { Row } from "./rows";

/** The height of a row in pixels, and of one where there is little room; as in resources.css. */
export const ROW_HEIGHT = 46;
const NARROW_ROW_HEIGHT = 64;
const CLOCK = "M8 2a6 6 0 1 0 .01 0M8 4.5V8l2.6 1.6";
const BROOM =
  "M13.5 2.5 8.6 7.4M6.8 6.2l3 3M6.3 6.7C5 8.6 3.8 9.2 2 9.6c1 2.4 2.6 3.8 4.6 4.4 1.4-1 2.2-2.4 2.7-4.3";
const NARROW = 400;

export function rowHeight(width: number): number {
  return width > NARROW ? ROW_HEIGHT : NARROW_ROW_HEIGHT;
}

/** What the buttons of a row do. */
export interface RowActions {
  open(lease: Lease): void;
  cleanUp(lease: Lease): void;
  keep(lease: Lease): void;
}

export class LeaseRow implements Row<Lease> {
  readonly element: HTMLElement;
  private lease: Lease | null = null;
  private readonly name = html("span", { class: "name" });
  private readonly state = html("span", { class: "state" });
  private readonly place: HTMLButtonElement;
  private readonly age = html("span", { class: "age" });
  private readonly safety = html("span", { class: "resnb-safety" });
  private readonly keep: HTMLButtonElement;
  private readonly cleanUp: HTMLButtonElement;

  constructor(
    private readonly resources: Resources,
    acts: RowActions,
  ) {
    const act = (what: keyof RowActions) => () => {
      if (this.lease !== null) {
        acts[what](this.lease);
      }
    };
    this.place = button("", "", act("open"));
    this.place.className = "place";
    this.keep = labelled(button("", "", act("keep")), CLOCK, "Keep");
    this.cleanUp = labelled(button("", "Clean it up now", act("cleanUp")), BROOM, "Clean up");
    this.element = html(
      "li",
      {},
      html("span", { class: "mark", "aria-hidden": "true" }),
      this.name,
      this.state,
      html(
        "div",
        { class: "second" },
        this.place,
        html("span", { class: "about" }, this.age, this.safety),
      ),
      html("div", { class: "acts" }, this.keep, this.cleanUp),
    );
  }

  show(lease: Lease): void {
    this.lease = lease;
    const { leases } = this.resources;
    const path = this.resources.pathOf(lease);
    const isEnding = lease.asked || lease.state === "closing" || lease.state === "looking";
    const isOverdue = isLate(lease, leases.now) && !isEnding && lease.state !== "failed";
    const about = [lease.name, fate(lease), ...limits(lease), lease.note];
    set(this.element, {
      class: `is-${isOverdue ? "late" : stateClass(lease)}${lease.protected ? "" : " is-unprotected"}`,
      title: about.filter((one) => one !== "").join("\n"),
    });
    showKeepingEnd(this.name, lease.name);
    setText(this.state, isOverdue ? "past its limit" : stateWord(lease));
    showKeepingEnd(this.place, nameOf(path ?? lease.notebook));
    set(this.place, {
      "aria-label": nameOf(path ?? lease.notebook),
      disabled: path === null,
      title: path === null ? lease.notebook : `Open ${path}`,
    });
    const { name, mark, word } = standing(lease, leases.now);
    setText(this.age, lease.created === 0 || lease.kept ? "" : age(lease, leases.now));
    setText(this.safety, `${mark} ${word}`);
    set(this.safety, { class: `resnb-safety is-${name}` });
    const canKeep = lease.protected && !lease.ends_with_kernel && !isEnding && !lease.given_up;
    set(this.keep, {
      disabled: !canKeep || lease.kernel === "unknown",
      "aria-label": `Keep ${lease.name}`,
      title: canKeep ? this.whyKeep() : "It cannot be kept",
    });
    const isDamaged = lease.state === "damaged";
    set(this.cleanUp, {
      disabled: isEnding || isDamaged,
      title: isDamaged ? "It cannot be cleaned up from here" : "Clean it up now",
      "aria-label": `Clean up ${lease.name}`,
    });
  }

  private whyKeep(): string {
    const { keepMinutes } = this.resources.settings.values;
    return `Let it survive its kernel for ${keepMinutes} min`;
  }
}

/** A button with an icon where there is little room. */
function labelled(made: HTMLButtonElement, icon: string, label: string): HTMLButtonElement {
  const drawing = { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" };
  made.append(
    svg("svg", drawing, svg("path", { d: icon })),
    html("span", { class: "label" }, label),
  );
  return made;
}

/** The last part of a path, which says most. */
function nameOf(path: string): string {
  return path.slice(path.replace(/\/+$/, "").lastIndexOf("/") + 1);
}
