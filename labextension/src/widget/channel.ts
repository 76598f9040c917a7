// Commands to the kernel, and whether it takes them up: a front end may hold them back while a
// cell is running.
import type { AnyModel } from "./anywidget";
import { isFrame, type Command, type Frame } from "./protocol";

const PATIENCE = 1500; // milliseconds

/** Commands that nobody waits for. */
const QUIET: ReadonlySet<Command["do"]> = new Set<Command["do"]>(["close", "here", "look_away"]);

export class Channel {
  readonly view = crypto.randomUUID();
  private readonly waiting = new Map<string, ReturnType<typeof setTimeout>>();
  private count = 0;

  constructor(
    private readonly model: AnyModel,
    private readonly received: (frame: Frame) => void,
    private readonly unanswered: () => void,
    signal: AbortSignal,
  ) {
    model.on("msg:custom", this.came);
    signal.addEventListener("abort", () => {
      model.off("msg:custom", this.came);
      this.waiting.forEach(clearTimeout);
    });
  }

  send(command: Command): void {
    this.count += 1;
    const ask = `${this.view}/${this.count}`;
    if (!QUIET.has(command.do)) {
      const tell = (): void => {
        this.waiting.delete(ask);
        this.unanswered();
      };
      this.waiting.set(ask, setTimeout(tell, PATIENCE));
    }
    try {
      this.model.send({ ...command, view: this.view, ask });
    } catch {
      // its kernel has ended: nobody answers, which is told in its time
    }
  }

  private readonly came = (message: unknown): void => {
    if (!isFrame(message) || ("to" in message && message.to !== this.view)) {
      return; // no frame, or one for another view
    }
    if (message.frame === "taken") {
      clearTimeout(this.waiting.get(message.ask));
      this.waiting.delete(message.ask);
    }
    this.received(message);
  };
}
