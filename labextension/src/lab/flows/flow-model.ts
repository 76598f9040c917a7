// One flow's model in the kernel as a view needs it: it sends and receives messages, without a widget
// manager. It knows the flow's latest state itself, for those who show less than a view, and for the
// time after the kernel. Knows no DOM.
import { Signal } from "@lumino/signaling";
import type { AnyModel, ModelEvent } from "../../widget/anywidget";
import { frameIn } from "../../widget/frames";
import { after, NOTHING, type Model } from "../../widget/model";
import type { Frame } from "../../wire/frames";

type Listener = (message: unknown) => void;

/** The frames from which a view can be drawn. */
const DRAWN: ReadonlySet<unknown> = new Set([
  "structure",
  "states",
  "delta",
  "failures",
  "form",
  "cells",
]);

export class FlowModel implements AnyModel {
  /** The flow's state is another one. */
  readonly turned = new Signal<this, void>(this);
  /** The flow's latest state. */
  state: Model = NOTHING;
  /** The latest frame of each kind from which a view can be drawn, but for deltas. */
  readonly frames = new Map<Frame["frame"], Frame>();
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
    this.take(message);
    for (const listener of [...this.listeners["msg:custom"]]) {
      listener(message);
    }
  }

  /** The frames for views that have been sent nothing are others than before. */
  rested(rest: unknown): void {
    this.rest = rest;
    if (Array.isArray(rest)) {
      rest.forEach(this.take);
    }
    for (const listener of [...this.listeners["change:rest"]]) {
      listener(rest);
    }
  }

  /** How many listeners there are. */
  get heardBy(): number {
    return this.listeners["msg:custom"].size + this.listeners["change:rest"].size;
  }

  private readonly take = (message: unknown): void => {
    if (!DRAWN.has((message as { readonly frame?: unknown } | null)?.frame)) {
      return;
    }
    const frame = frameIn(message);
    if (frame.frame === "unreadable") {
      return; // the view says so
    }
    if (frame.frame !== "delta") {
      this.frames.set(frame.frame, frame);
    }
    const before = this.state;
    this.state = after(before, frame);
    if (this.state !== before) {
      this.turned.emit();
    }
  };
}
