// One view of a flow: puts the parts together, passes frames to them and commands to the kernel.
import type { RenderContext } from "./anywidget";
import type { Command, Room } from "../wire/commands";
import type { Frame } from "../wire/frames";
import { RETRYING, RUNNING } from "../wire/vocabulary";
import { Channel } from "./channel";
import { html, setText, set } from "./dom";
import { Drawer, type Tab } from "./drawer";
import { RELAY } from "./relay";
import { FailureLine } from "./controls/failures";
import { Form } from "./controls/form";
import { Graph } from "./graph/graph";
import { framesIn, type Unreadable } from "./frames";
import { sendHeartbeats } from "./heartbeat";
import { Inspector } from "./inspector/inspector";
import { fillLegend } from "./graph/legend";
import { after, cellOf, nameOf, NOTHING, type Model } from "./model";
import { GO_TO_CELL, TOLD, type Told } from "./page";
import { Progress } from "./controls/progress";
import { TimelinePanel } from "./timeline/panel";
import { Toolbar } from "./controls/toolbar";
import { Stage } from "./stage";
import type { Subject } from "./subject";
import { differenceFrom } from "./version";

const WAITING =
  "No answer yet: this front end passes buttons on when the running cell has ended " +
  "(flow.start() runs a flow beside cells). If the kernel was restarted, run the cell again.";

const SAVED =
  "This is the flow as it was last at rest; no kernel has answered yet. Run the cell to work with it.";

/** The frames that have something to say to people. */
const SAYING: ReadonlySet<string> = new Set(["said", "failed", "unreadable"]);

const SECOND = 1000;
const NO_ROOM = { width: 0, height: 0, direction: "fitting" } as const;

/** The least time between two requests about what is inspected, in milliseconds. */
const PAUSE = 1000;

export class View {
  private model: Model = NOTHING;
  private picked: Subject | null = null;
  private frame = 0;
  private cell: string | null = null; // the active one; null where the page has told none
  private isHeard = false; // whether the kernel has ever sent something
  private late: readonly Command["do"][] = []; // what has not been answered for a while
  private readonly channel: Channel;
  private readonly graph: Graph;
  private readonly toolbar: Toolbar;
  private readonly form: Form;
  private readonly failures: FailureLine;
  private readonly progress: Progress;
  private readonly inspector: Inspector;
  private readonly timeline: TimelinePanel;
  private readonly drawer: Drawer;
  private readonly stage: Stage;
  private room: Pick<Room, "width" | "height" | "direction"> = { ...NO_ROOM };
  private readonly root = html("div", { class: "resnb", "data-lm-suppress-shortcuts": true });
  private readonly notice = html("p", { class: "notice", role: "alert", hidden: true });
  private readonly waiting = html("p", { class: "waiting", role: "status", hidden: true });
  private readonly otherVersion = html("p", { class: "version", role: "status", hidden: true });
  private readonly more = html("p", { class: "more", hidden: true });
  private readonly legend = html("section", { class: "legend" });

  constructor({ model, el }: RenderContext, signal: AbortSignal) {
    const { heard: received, relay, waits } = this;
    this.channel = new Channel(model, { received, relay, waits }, signal);
    this.graph = new Graph(
      {
        pick: (picked) => {
          this.drawer.open("details"); // first, since it covers a part of the graph
          this.pick(picked);
        },
        unfold: ({ what, id }, unfolds) => {
          this.channel.send({ do: unfolds ? "unfold" : "fold", what, id });
        },
      },
      signal,
    );
    this.form = new Form(this.run);
    this.failures = new FailureLine({
      go: (id) => {
        this.graph.go(id);
      },
      again: () => {
        this.tell("");
        this.channel.send({ do: "run_again" });
      },
      toCell: this.goToCell,
    });
    this.progress = new Progress(signal);
    this.toolbar = new Toolbar({
      run: this.run,
      send: (command) => {
        this.tell("");
        this.channel.send(command);
      },
      search: (text, go) => this.graph.search(text, go),
      zoom: (direction) => {
        this.graph.viewport.zoom(direction);
      },
      fit: () => {
        this.graph.viewport.fit();
      },
      turn: () => {
        const isDown = this.model.structure?.direction !== "right";
        this.room = { ...this.room, direction: isDown ? "right" : "down" };
        this.channel.send({ do: "room", ...this.room });
      },
      window: () => {
        this.stage.toggleWindow();
        this.toolbar.mark(this.drawer.tab, this.stage.isWindow);
      },
      toggle: (tab) => {
        this.drawer.toggle(tab);
      },
    });
    this.timeline = new TimelinePanel(this.pick, signal);
    this.inspector = new Inspector(
      {
        act: (command, { what, id }, item) => {
          this.tell("");
          this.channel.send({ do: command, what, id, ...(item === undefined ? {} : { item }) });
        },
        toCell: this.goToCell,
      },
      signal,
    );
    const panels = { details: this.inspector.element, timeline: this.timeline.element };
    this.drawer = new Drawer({ ...panels, legend: this.legend }, this.turned);
    this.stage = new Stage(this.graph, this.drawer, this.root, this.resized, signal);
    this.assemble(el, signal);
    this.root.addEventListener(TOLD, this.told, { signal });
    const rest = (): void => {
      framesIn(model.get("rest")).forEach(this.received);
    };
    rest();
    model.on("change:rest", rest);
    signal.addEventListener("abort", () => {
      model.off("change:rest", rest);
    });
    this.channel.send({ do: "open" });
    sendHeartbeats(() => {
      this.channel.send({ do: "here", ...this.picked });
    }, signal);
    const clock = setInterval(() => {
      if (this.isHeard && !document.hidden) {
        this.graph.tick(performance.now());
      }
    }, SECOND);
    const close = (): void => {
      this.channel.send({ do: "close" });
    };
    addEventListener("pagehide", close, { signal });
    signal.addEventListener("abort", () => {
      cancelAnimationFrame(this.frame);
      clearTimeout(this.pause);
      clearInterval(clock);
      close();
    });
  }

  private assemble(el: HTMLElement, signal: AbortSignal): void {
    const { toolbar, form, progress, notice, more, stage } = this;
    const above = [
      this.otherVersion,
      toolbar.element,
      this.failures.element,
      form.element,
      progress.element,
      notice,
      this.waiting,
    ];
    const parts = [...above, stage.element, more];
    const { root } = this;
    root.append(...parts);
    el.replaceChildren(root);
    signal.addEventListener("abort", () => {
      root.remove();
    });
  }

  private readonly heard = (frame: Frame | Unreadable): void => {
    this.isHeard = true;
    this.sayWhy();
    if (frame.frame === "structure") {
      const said = differenceFrom(frame.resnb);
      setText(this.otherVersion, said);
      set(this.otherVersion, { hidden: said === "" });
    }
    this.received(frame);
  };

  private readonly received = (frame: Frame | Unreadable): void => {
    const before = this.model;
    this.model = after(before, frame, performance.now());
    if (SAYING.has(frame.frame)) {
      this.tell(this.model.said, frame.frame === "said" && frame.done);
    }
    this.inspector.received(frame, this.channel.view);
    if (this.model !== before && this.frame === 0) {
      this.frame = requestAnimationFrame(this.show); // once for all frames that arrive together
    }
  };

  private readonly show = (): void => {
    this.frame = 0;
    const { model } = this;
    this.toolbar.show(model);
    this.form.show(model.fields);
    this.progress.show(model);
    const isOn = model.flow === RUNNING || model.flow === RETRYING;
    this.failures.show(model.failures, isOn, (id) => cellOf(model, id), this.cell !== null);
    this.graph.show(model, performance.now());
    const { cells } = model;
    const active = cells.length > 1 ? cells.find(({ id }) => id === this.cell) : undefined;
    this.graph.mark(new Set(active?.tasks));
    this.showOrigin();
    this.timeline.show(model.timeline, (subject) => nameOf(model, subject));
    const { hidden } = model;
    set(this.more, { hidden: hidden === 0 });
    setText(
      this.more,
      `${hidden.toLocaleString("en")} more ${hidden === 1 ? "task" : "tasks"} not shown`,
    );
    if (this.picked !== null) {
      this.look(this.picked);
    }
  };

  /** The page has told which cell is active, or what to pick. */
  private readonly told = (event: Event): void => {
    const { cell, pick } = (event as CustomEvent<Told>).detail;
    this.cell = cell ?? this.cell;
    this.show();
    if (pick !== undefined) {
      this.drawer.open("details");
      this.pick(pick);
    }
  };

  private readonly goToCell = (cell: string): void => {
    const options = { bubbles: true, composed: true, detail: cell };
    this.root.dispatchEvent(new CustomEvent(GO_TO_CELL, options));
  };

  private showOrigin(): void {
    const cell = this.picked === null ? undefined : cellOf(this.model, this.picked.id);
    this.inspector.showOrigin(this.cell === null ? undefined : cell);
  }

  private readonly run = (): void => {
    const parameters = this.form.values();
    if (parameters !== null) {
      this.tell("");
      this.channel.send({ do: "run", parameters });
    }
  };

  private readonly pick = (picked: Subject | null): void => {
    this.picked = picked;
    this.seen = "";
    clearTimeout(this.pause);
    this.pause = undefined;
    this.inspector.open(picked, picked === null ? "" : nameOf(this.model, picked));
    this.showOrigin();
    this.graph.select(picked);
    this.timeline.select(picked);
    if (picked === null) {
      this.channel.send({ do: "look_away" });
    } else {
      this.look(picked);
    }
  };

  /** Ask for details; again, after a pause, whenever the state of the subject has changed. */
  private look({ what, id }: Subject): void {
    const state = this.stateOf(what, id);
    if (this.seen === state || this.pause !== undefined) {
      return;
    }
    this.seen = state;
    this.channel.send({ do: "inspect", what, id });
    this.pause = setTimeout(() => {
      this.pause = undefined;
      if (this.picked !== null) {
        this.look(this.picked);
      }
    }, PAUSE);
  }

  private pause: ReturnType<typeof setTimeout> | undefined;

  private seen = "";

  private stateOf(what: Subject["what"], id: string): string {
    const { structure, codes, leases, stacks, counts } = this.model;
    const items = what === "node" ? structure?.nodes : structure?.clusters;
    const place = items?.findIndex((one) => one.id === id) ?? -1;
    const state = what === "node" ? codes[place] : [leases[place], stacks.get(place)];
    const { flow } = this.model;
    return JSON.stringify([what, id, state, counts.get(place), structure?.version, flow]);
  }

  /** Another tab of the drawer is open, or none. */
  private readonly turned = (tab: Tab | null): void => {
    if (tab === null && this.picked !== null) {
      this.pick(null);
    }
    if (tab === "legend") {
      fillLegend(this.legend);
    }
    if (this.isTimelineShown !== (tab === "timeline")) {
      this.isTimelineShown = tab === "timeline";
      this.channel.send({ do: "timeline", shown: this.isTimelineShown });
    }
    this.toolbar.mark(tab, this.stage.isWindow);
    this.stage.cover();
  };

  private isTimelineShown = false;

  private readonly resized = (width: number, height: number): void => {
    this.room = { ...this.room, width, height };
    this.channel.send({ do: "room", ...this.room });
    this.toolbar.mark(this.drawer.tab, this.stage.isWindow);
  };

  /** A plugin of the page may know another way to the kernel. */
  private readonly relay = (command: Command): boolean => {
    const options = { bubbles: true, cancelable: true, composed: true, detail: command };
    return !this.root.dispatchEvent(new CustomEvent(RELAY, options));
  };

  private readonly waits = (late: readonly Command["do"][]): void => {
    this.late = late;
    this.sayWhy();
  };

  /** Say why nothing happens, for as long as that is so. */
  private sayWhy(): void {
    const isPressed = this.late.some((one) => one !== "open");
    const isSaved = this.late.length > 0 && !this.isHeard && this.model.structure !== null;
    const text = isPressed ? WAITING : isSaved ? SAVED : "";
    setText(this.waiting, text);
    set(this.waiting, { hidden: text === "" });
  }

  private tell(text: string, isDone = false): void {
    setText(this.notice, text);
    set(this.notice, { hidden: text === "", class: isDone ? "notice done" : "notice" });
  }
}
