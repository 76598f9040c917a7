// The part of anywidget's interface that a view uses.

export interface AnyModel {
  get(trait: "rest"): unknown;
  on(event: "msg:custom", listener: (message: unknown) => void): void;
  off(event: "msg:custom", listener: (message: unknown) => void): void;
  send(message: unknown): void;
}

export interface RenderContext {
  readonly model: AnyModel;
  readonly el: HTMLElement;
}
