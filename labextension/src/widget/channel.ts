// Sends commands to the kernel, and notices when it does not accept one: a front end may hold them
// back while a cell is running.
import type { AnyModel } from "./anywidget";
import type { Command, Sender } from "../wire/commands";
import type { Frame } from "../wire/frames";
import { frameIn, type Unreadable } from "./frames";

const PATIENCE = 1500; // milliseconds

type WithoutSender<C> = C extends Command ? Omit<C, keyof Sender> : never;

/** A command as the parts of a view give it; the channel adds the view. */
export type Request = WithoutSender<Command>;

/** Commands that need no answer. */
const QUIET: ReadonlySet<Command["do"]> = new Set<Command["do"]>(["close", "here", "look_away"]);

export class Channel {
  readonly view = crypto.randomUUID();
  private readonly waiting = new Map<string, ReturnType<typeof setTimeout>>();
  private count = 0;

  constructor(
    private readonly model: AnyModel,
    private readonly received: (frame: Frame | Unreadable) => void,
    private readonly unanswered: () => void,
    signal: AbortSignal,
  ) {
    model.on("msg:custom", this.came);
    signal.addEventListener("abort", () => {
      model.off("msg:custom", this.came);
      this.waiting.forEach(clearTimeout);
    });
  }

  send(request: Request): void {
    this.count += 1;
    const ask = `${this.view}/${this.count}`;
    if (!QUIET.has(request.do)) {
      const tell = (): void => {
        this.waiting.delete(ask);
        this.unanswered();
      };
      this.waiting.set(ask, setTimeout(tell, PATIENCE));
    }
    try {
      const command: Command = { ...request, view: this.view, ask };
      this.model.send(command);
    } catch {
      // the kernel has ended; the timeout says that nothing answers
    }
  }

  private readonly came = (message: unknown): void => {
    const frame = frameIn(message);
    if ("to" in frame && frame.to !== this.view) {
      return; // for another view
    }
    if (frame.frame === "taken") {
      clearTimeout(this.waiting.get(frame.ask));
      this.waiting.delete(frame.ask);
    }
    this.received(frame);
  };
}
