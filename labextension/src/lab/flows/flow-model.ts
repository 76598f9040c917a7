// One flow's model in the kernel as a view needs it: it sends and receives messages, without a widget
// manager. Knows no DOM.
import type { AnyModel } from "../../widget/anywidget";

type Listener = (message: unknown) => void;

export class FlowModel implements AnyModel {
  private readonly listeners = new Set<Listener>();

  /** @param post sends a message to the kernel. */
  constructor(private readonly post: (message: unknown) => void) {}

  get(): unknown {
    return []; // everything comes in answer to `open`
  }

  on(_: "msg:custom", listener: Listener): void {
    this.listeners.add(listener);
  }

  off(_: "msg:custom", listener: Listener): void {
    this.listeners.delete(listener);
  }

  send(message: unknown): void {
    this.post(message);
  }

  received(message: unknown): void {
    for (const listener of [...this.listeners]) {
      listener(message);
    }
  }

  /** How many listeners there are. */
  get heardBy(): number {
    return this.listeners.size;
  }
}
