// The part of anywidget's interface that a view uses.

export type ModelEvent = "msg:custom" | "change:rest";

export interface AnyModel {
  get(trait: "rest"): unknown;
  on(event: ModelEvent, listener: (message: unknown) => void): void;
  off(event: ModelEvent, listener: (message: unknown) => void): void;
  send(message: unknown): void;
}

export interface RenderContext {
  readonly model: AnyModel;
  readonly el: HTMLElement;
}
