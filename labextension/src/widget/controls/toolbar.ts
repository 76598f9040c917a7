// The flow's name and state, the buttons for runs, search, and the view's switches.
import { button, html, setText, set } from "../dom";
import type { Model } from "../model";
import { RETRYING, RUNNING } from "../../wire/vocabulary";
import type { LeaseState } from "../../wire/frames";
import type { Request } from "../channel";
import { className, taskLook } from "../vocabulary";
import { flowWord } from "../words";

const HELD: ReadonlySet<LeaseState> = new Set(["opening", "open", "closing", "kept"]);

const CANCEL =
  "Stop the run, and clean up what it has set up; scopes that --run keeps open stay open " +
  "until you close them";

export interface Actions {
  readonly run: () => void;
  readonly send: (request: Request) => void;
  readonly search: (text: string, go: boolean) => number;
  readonly zoom: (direction: number) => void;
  readonly fit: () => void;
  readonly toggleEdges: () => boolean;
  readonly toggleTimeline: () => boolean;
  readonly toggleLegend: () => boolean;
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
  private readonly cancel: HTMLButtonElement;
  private readonly cleanUp: HTMLButtonElement;
  private readonly closeScopes: HTMLButtonElement;
  private readonly fold: HTMLButtonElement;
  private readonly edges: HTMLButtonElement;
  private readonly search: HTMLElement;
  private isUnfolded = false;

  constructor(private readonly actions: Actions) {
    const { send } = actions;
    this.run = button("Run", "Run the flow with the values below", actions.run);
    this.run.classList.add("primary");
    this.cancel = button("Cancel", CANCEL, () => {
      send({ do: "cancel" });
    });
    this.cleanUp = button("Clean up", "Clean up every resource that is not closed", () => {
      send({ do: "cleanup" });
    });
    this.closeScopes = button("Close scopes", "Clean up what --run has left open", () => {
      send({ do: "cleanup" });
    });
    this.fold = button("Unfold", "Show the tasks inside the scopes", () => {
      send({ do: this.isUnfolded ? "fold" : "unfold" });
    });
    this.edges = this.toggle("Set-up edges", "Show edges from set-ups and to clean-ups", true, () =>
      actions.toggleEdges(),
    );
    const timeline = this.toggle("Timeline", "What ran when, and for how long", false, () =>
      actions.toggleTimeline(),
    );
    const legend = this.toggle("Legend", "What shapes, colours and marks mean", false, () =>
      actions.toggleLegend(),
    );
    this.search = this.searchBox();
    this.element = html(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "flow" },
      html("span", { class: "heading" }, this.name, this.state, this.dashboard),
      html("span", { class: "group" }, this.run, this.cancel, this.cleanUp, this.closeScopes),
      html(
        "span",
        { class: "group views" },
        this.search,
        this.fold,
        this.edges,
        timeline,
        legend,
        this.zoom(),
      ),
    );
  }

  show(model: Model): void {
    const look = taskLook(model.flow);
    const isOn = model.flow === RUNNING || model.flow === RETRYING;
    const held = model.leases.filter((lease) => HELD.has(lease)).length;
    const left = model.leases.some((lease) => lease === "failed" || lease === "with the reaper");
    setText(this.name, model.structure?.name ?? "");
    setText(this.state, `${look.mark} ${flowWord(model.flow)}`);
    set(this.state, { class: `flow-state is-${className(look.word)}` });
    const isPage = /^(https?:\/\/|\/(?![/\\]))/.test(model.link);
    set(this.dashboard, { hidden: !isPage, href: isPage && model.link });
    set(this.run, { disabled: isOn });
    set(this.cancel, { disabled: !isOn });
    set(this.cleanUp, { disabled: isOn || (held === 0 && !left) });
    set(this.closeScopes, { hidden: isOn || !model.leases.includes("open") });
    this.isUnfolded = model.structure?.folded === "unfolded";
    set(this.fold, { hidden: model.structure?.folded === "no" });
    setText(this.fold, this.isUnfolded ? "Fold" : "Unfold");
    const hasEdges = model.structure?.links.some(
      ({ kind }) => kind === "setup" || kind === "cleanup",
    );
    set(this.edges, { hidden: hasEdges !== true });
    set(this.search, { hidden: (model.structure?.nodes.length ?? 0) < 5 });
  }

  private toggle(
    text: string,
    title: string,
    isOn: boolean,
    pressed: () => boolean,
  ): HTMLButtonElement {
    const made = button(text, title, () => {
      set(made, { "aria-pressed": pressed() ? "true" : "false" });
    });
    set(made, { "aria-pressed": isOn ? "true" : "false" });
    made.classList.add("quiet");
    return made;
  }

  private zoom(): HTMLElement {
    const { zoom, fit } = this.actions;
    const buttons: readonly (readonly [string, string, () => void])[] = [
      [
        "−",
        "Zoom out",
        () => {
          zoom(-1);
        },
      ],
      [
        "+",
        "Zoom in",
        () => {
          zoom(1);
        },
      ],
      ["Fit", "Show all of the graph", fit],
    ];
    const made = buttons.map(([text, title, pressed]) => {
      const one = button(text, title, pressed);
      one.classList.add("quiet");
      set(one, { "aria-label": title });
      return one;
    });
    return html("span", { class: "zoom" }, ...made);
  }

  private searchBox(): HTMLElement {
    const input = html("input", {
      type: "search",
      placeholder: "Find a task",
      "aria-label": "find a task by its name",
    });
    const hits = html("span", { class: "hits", role: "status" });
    const look = (go: boolean): void => {
      const found = this.actions.search(input.value, go);
      setText(hits, input.value.trim() === "" ? "" : `${found} found`);
    };
    input.addEventListener("input", () => {
      look(false);
    });
    input.addEventListener("keydown", (event) => {
      event.stopPropagation(); // typing here must not trigger the notebook's shortcuts
      if (event.key === "Enter") {
        look(true);
      }
    });
    return html("span", { class: "search" }, input, hits);
  }
}
