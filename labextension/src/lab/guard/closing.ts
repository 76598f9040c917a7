// Asks before a notebook or console closes whose kernel ends with it.
//
// After that, users may take their time to decide about saving, or not close it at all: the answer
// holds only for the leases that were asked about, and only for this end.
import type { ISessionContext } from "@jupyterlab/apputils";
import { DisposableDelegate, DisposableSet, type IDisposable } from "@lumino/disposable";
import { MessageLoop, type IMessageHandler, type Message } from "@lumino/messaging";
import type { Widget } from "@lumino/widgets";
import { patchMethod } from "../patch";
import type { Consent, Guard } from "./guard";
import { CLOSE } from "./risk";
import { kernelsOf } from "./session-context";

export class Closing implements IDisposable {
  private readonly life = new DisposableSet();
  private readonly panels = new Set<Widget>();
  private readonly asking = new Set<Widget>();
  private consent: Consent | null = null;
  private isAnswered = false; // while a panel is closed after the answer

  constructor(
    private readonly guard: Guard,
    private readonly context: ISessionContext,
  ) {
    this.life.add(
      patchMethod(context, "dispose", (stock) => () => {
        this.end(stock);
      }),
    );
  }

  get isDisposed(): boolean {
    return this.life.isDisposed;
  }

  dispose(): void {
    this.life.dispose();
  }

  /** Ask before this panel of the context is closed. */
  watch(panel: Widget): void {
    if (this.isDisposed || this.panels.has(panel)) {
      return;
    }
    const hook = (_: IMessageHandler, { type }: Message): boolean =>
      type !== "close-request" || this.mayClose(panel);
    const gone = (): void => {
      this.panels.delete(panel);
    };
    this.panels.add(panel);
    MessageLoop.installMessageHook(panel, hook);
    panel.disposed.connect(gone);
    this.life.add(
      new DisposableDelegate(() => {
        MessageLoop.removeMessageHook(panel, hook);
        panel.disposed.disconnect(gone);
      }),
    );
  }

  private mayClose(panel: Widget): boolean {
    const kernels = kernelsOf(this.context);
    const isLast = this.panels.size === 1;
    const ends = isLast && this.context.kernelPreference.shutdownOnDispose === true;
    if (this.isAnswered || !ends || !this.guard.watches(kernels)) {
      return true;
    }
    if (!this.asking.has(panel)) {
      this.asking.add(panel);
      void this.ask(panel, kernels).finally(() => this.asking.delete(panel));
    }
    return false;
  }

  private async ask(panel: Widget, kernels: readonly string[]): Promise<void> {
    const consent = await this.guard.consent(kernels, CLOSE);
    if (consent.verdict === "stay" || panel.isDisposed) {
      return;
    }
    this.consent = consent;
    this.isAnswered = true;
    try {
      panel.close();
    } finally {
      this.isAnswered = false;
    }
  }

  /** The context is disposed of, which may end its session at once. */
  private end(stock: () => void): void {
    const { consent, guard } = this;
    const kernels = kernelsOf(this.context);
    const isCovered = consent?.verdict === "go" && guard.covers(consent, kernels);
    const release = guard.letThrough(isCovered ? kernels : []);
    try {
      stock();
    } finally {
      release();
      this.dispose();
    }
  }
}
