// One flow's model in the kernel as a view needs it: it sends and receives messages, without a widget
// manager. Knows no DOM.
import type { AnyModel, ModelEvent } from "../../widget/anywidget";

type Listener = (message: unknown) => void;

export class FlowModel implements AnyModel {
  private readonly listeners = {
    "msg:custom": new Set<Listener>(),
    "change:rest": new Set<Listener>(),
  };
  private rest: unknown = [];

  /** @param post sends a message to the kernel. */
  constructor(private readonly post: (message: unknown) => void) {}

  get(): unknown {
    return this.rest;
  }

  on(event: ModelEvent, listener: Listener): void {
    this.listeners[event].add(listener);
  }

  off(event: ModelEvent, listener: Listener): void {
    this.listeners[event].delete(listener);
  }

  send(message: unknown): void {
    this.post(message);
  }

  received(message: unknown): void {
    for (const listener of [...this.listeners["msg:custom"]]) {
      listener(message);
    }
  }

  /** The frames for views that have been sent nothing are others than before. */
  rested(rest: unknown): void {
    this.rest = rest;
    for (const listener of [...this.listeners["change:rest"]]) {
      listener(rest);
    }
  }

  /** How many listeners there are. */
  get heardBy(): number {
    return this.listeners["msg:custom"].size + this.listeners["change:rest"].size;
  }
}
