// Sends commands to the kernel, and notices when it does not accept one: a front end may hold them
// back while a cell is running. What is not answered at once goes another way, where there is one.
import { uniqueId } from "./ids";
import type { AnyModel } from "./anywidget";
import type { Command, Sender } from "../wire/commands";
import type { Frame } from "../wire/frames";
import { frameIn, type Unreadable } from "./frames";

/** Milliseconds without an answer until a command goes another way. */
const SOON = 300;
/** Milliseconds without an answer until people are told. */
const PATIENCE = 1500;

type WithoutSender<C> = C extends Command ? Omit<C, keyof Sender> : never;

/** A command as the parts of a view give it; the channel adds the view. */
export type Request = WithoutSender<Command>;

/** Commands that need no answer. */
const QUIET: ReadonlySet<Command["do"]> = new Set<Command["do"]>([
  "close",
  "here",
  "look_away",
  "room",
]);

/** What becomes of commands. */
export interface Listener {
  readonly received: (frame: Frame | Unreadable) => void;
  /** Send a command another way; returns whether there is one. */
  readonly relay: (command: Command) => boolean;
  /** The commands that have not been answered for a while are others than before. */
  readonly waits: (commands: readonly Command["do"][]) => void;
}

export class Channel {
  readonly view = uniqueId();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly late = new Map<string, Command["do"]>();
  private count = 0;

  constructor(
    private readonly model: AnyModel,
    private readonly listener: Listener,
    signal: AbortSignal,
  ) {
    model.on("msg:custom", this.came);
    signal.addEventListener("abort", () => {
      model.off("msg:custom", this.came);
      this.timers.forEach(clearTimeout);
    });
  }

  send(request: Request): void {
    this.count += 1;
    const ask = `${this.view}/${this.count}`;
    const command: Command = { ...request, view: this.view, ask };
    if (!QUIET.has(request.do)) {
      this.timers.set(ask, setTimeout(this.relay, SOON, command));
    }
    try {
      this.model.send(command);
    } catch {
      // the kernel has ended; nothing answers, which is said
    }
  }

  private readonly relay = (command: Command): void => {
    this.listener.relay(command);
    this.timers.set(command.ask, setTimeout(this.missed, PATIENCE - SOON, command));
  };

  private readonly missed = (command: Command): void => {
    this.timers.delete(command.ask);
    this.late.set(command.ask, command.do);
    this.listener.waits([...this.late.values()]);
  };

  private readonly came = (message: unknown): void => {
    const frame = frameIn(message);
    if ("to" in frame && frame.to !== this.view) {
      return; // for another view
    }
    if (frame.frame === "taken") {
      clearTimeout(this.timers.get(frame.ask));
      this.timers.delete(frame.ask);
      if (this.late.delete(frame.ask)) {
        this.listener.waits([...this.late.values()]);
      }
    }
    this.listener.received(frame);
  };
}
