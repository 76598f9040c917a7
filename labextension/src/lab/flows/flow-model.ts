// One flow's model in the kernel, as a view needs it: messages to it and from it. No manager of
// widgets takes part. Knows no DOM.
import type { AnyModel } from "../../widget/anywidget";

type Listener = (message: unknown) => void;

export class FlowModel implements AnyModel {
  private readonly listeners = new Set<Listener>();

  /** @param post sends a message to the kernel. */
  constructor(private readonly post: (message: unknown) => void) {}

  get(): unknown {
    return []; // what there is comes with the answer to `open`
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

  /** How many listen. */
  get heardBy(): number {
    return this.listeners.size;
  }
}
