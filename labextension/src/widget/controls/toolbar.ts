// The flow's name and state, and three groups of buttons: to run it, to look at it, to zoom.
import { html, setText, set } from "../dom";
import type { Model } from "../model";
import { CANCELLED, PENDING, RETRYING, RUNNING } from "../../wire/vocabulary";
import type { LeaseState, StateCode } from "../../wire/frames";
import type { Request } from "../channel";
import type { Tab } from "../drawer";
import { iconButton, type Icon } from "./icons";
import { Menu } from "./menu";
import { searchBox } from "./search";
import { className, taskLook } from "../vocabulary";
import { flowWord, isStale } from "../words";

const HELD: ReadonlySet<LeaseState> = new Set(["opening", "open", "closing", "kept"]);
const LEFT: ReadonlySet<LeaseState> = new Set(["failed", "with the reaper"]);

const CANCEL =
  "Stop the run, and clean up what it has set up; scopes that --run keeps open stay open " +
  "until you close them";

const STALE = "Run only what has changed since, and what depends on it";

export interface Actions {
  readonly run: () => void;
  readonly send: (request: Request) => void;
  readonly search: (text: string, go: boolean) => number;
  readonly zoom: (direction: number) => void;
  readonly fit: () => void;
  readonly turn: () => void;
  readonly window: () => void;
  readonly toggle: (tab: Tab) => void;
}

export class Toolbar {
  readonly element: HTMLElement;
  private readonly name = html("strong", { class: "flow-name" });
  private readonly state = html("span", { class: "flow-state", role: "status" });
  private readonly dashboard = html(
    "a",
    { class: "dashboard", target: "_blank", rel: "noopener noreferrer", hidden: true },
    "Dask dashboard",
  );
  private readonly run: HTMLButtonElement;
  private readonly stale: HTMLButtonElement;
  private readonly cancel: HTMLButtonElement;
  private readonly cleanUp: Menu;
  private readonly fold: HTMLButtonElement;
  private readonly tabs: ReadonlyMap<Tab, HTMLButtonElement>;
  private readonly turn: HTMLButtonElement;
  private readonly window: HTMLButtonElement;
  private readonly search: HTMLElement;
  private isUnfolded = false;
  private isCancelling = false; // what runs ends and is cleaned up first, which may take a while
  private flow: StateCode = PENDING;

  constructor(actions: Actions) {
    const { send } = actions;
    this.run = iconButton("run", "Run", "Run the flow with the values below", actions.run);
    this.run.classList.add("primary");
    this.stale = iconButton("stale", "Run what is stale", STALE, () => {
      send({ do: "run_stale" });
    });
    this.cancel = iconButton("cancel", "Cancel", CANCEL, () => {
      this.isCancelling = true;
      this.showState();
      send({ do: "cancel" });
    });
    this.cleanUp = new Menu("clean", "Clean up", "End resources, or the session", [
      {
        text: "Close scopes",
        about: "End the session: clean up what --run has left open",
        pressed: () => {
          send({ do: "close_scopes" });
        },
      },
      {
        text: "Clean up all resources",
        about: "Also those that are kept, or whose clean-up has failed",
        pressed: () => {
          send({ do: "cleanup" });
        },
      },
    ]);
    this.fold = iconButton("unfold", "Unfold", "Show all tasks, or fold them again", () => {
      send({ do: this.isUnfolded ? "fold" : "unfold" });
    });
    const tab = (icon: Icon, name: Tab, text: string, title: string): [Tab, HTMLButtonElement] => [
      name,
      quiet(icon, text, title, () => {
        actions.toggle(name);
      }),
    ];
    this.tabs = new Map([
      tab("timeline", "timeline", "Timeline", "What ran when, and for how long"),
      tab("legend", "legend", "Legend", "What shapes, colours and marks mean"),
    ]);
    this.search = searchBox(actions.search);
    this.turn = quiet("direction", "Turn", "Let the graph go the other way", actions.turn);
    this.window = quiet("window", "Whole window", "Open it over the whole window", actions.window);
    const zoom = (icon: Icon, title: string, direction: number): HTMLButtonElement =>
      quiet(icon, title, `${title} (${direction > 0 ? "+" : "-"})`, () => {
        actions.zoom(direction);
      });
    const group = (name: string, ...inside: readonly HTMLElement[]): HTMLElement =>
      html("span", { class: `group ${name}`, role: "group", "aria-label": name }, ...inside);
    this.element = html(
      "div",
      { class: "toolbar" },
      html("span", { class: "heading" }, this.name, this.state, this.dashboard),
      group("run", this.run, this.stale, this.cancel, this.cleanUp.element),
      group("look", this.search, this.fold, ...this.tabs.values()),
      group(
        "zoom",
        zoom("out", "Zoom out", -1),
        zoom("in", "Zoom in", 1),
        quiet("fit", "Fit", "Show all of the graph (0)", actions.fit),
        this.turn,
        this.window,
      ),
    );
  }

  show(model: Model): void {
    const isOn = isRunning(model.flow);
    this.flow = model.flow;
    this.isCancelling &&= isOn;
    this.showState();
    const { leases, structure } = model;
    setText(this.name, structure?.name ?? "");
    const isPage = /^(https?:\/\/|\/(?![/\\]))/.test(model.link);
    set(this.dashboard, { hidden: !isPage, href: isPage && model.link });
    set(this.run, { disabled: isOn });
    set(this.stale, { disabled: isOn, hidden: ![...model.marks.values()].some(isStale) });
    const running = isOn ? "The flow is running: cancel it, and it is cleaned up" : "";
    const isAny = leases.some((lease) => HELD.has(lease) || LEFT.has(lease));
    this.cleanUp.show([
      running || (leases.includes("open") ? "" : "Nothing is open"),
      running || (isAny ? "" : "Nothing is left to clean up"),
    ]);
    this.isUnfolded = structure?.folded === "unfolded";
    set(this.fold, { hidden: structure === null || structure.folded === "no" });
    label(this.fold, this.isUnfolded ? "Fold" : "Unfold");
    const folded = structure?.clusters.flatMap(({ inside }) => inside).length ?? 0;
    const tasks = (structure?.nodes.length ?? 0) + folded;
    set(this.search, { hidden: tasks < 5 && structure?.folded === "no" });
    set(this.turn, { class: `quiet goes-${structure?.direction ?? "down"}` });
  }

  private showState(): void {
    const { flow, isCancelling } = this;
    const look = taskLook(isCancelling ? CANCELLED : flow);
    const word = isCancelling ? "cancelling" : flowWord(flow);
    setText(this.state, `${look.mark} ${word}`);
    set(this.state, { class: `flow-state is-${className(look.word)}` });
    set(this.cancel, { disabled: isCancelling || !isRunning(flow) });
  }

  /** Which tab of the drawer is open, and whether the view takes the whole window. */
  mark(open: Tab | null, isWindow: boolean): void {
    for (const [tab, made] of this.tabs) {
      set(made, { "aria-pressed": tab === open ? "true" : "false" });
    }
    set(this.window, { "aria-pressed": isWindow ? "true" : "false" });
  }
}

function isRunning(flow: StateCode): boolean {
  return flow === RUNNING || flow === RETRYING;
}

function quiet(icon: Icon, text: string, title: string, pressed: () => void): HTMLButtonElement {
  const made = iconButton(icon, text, title, pressed);
  made.classList.add("quiet");
  return made;
}

function label(made: HTMLButtonElement, text: string): void {
  const found = made.querySelector(".label");
  if (found) {
    setText(found, text);
  }
}
