// The flows of the current notebook's kernel. Knows no DOM.
import { Signal } from "@lumino/signaling";
import type { CurrentNotebook } from "../current-notebook";
import { KernelFlows } from "./kernel-flows";

export class CurrentFlows {
  /** There are other flows, or the kernel is another one. */
  readonly changed = new Signal<this, void>(this);
  private found: KernelFlows | null = null;

  constructor(readonly current: CurrentNotebook) {
    current.changed.connect(this.follow, this);
    this.follow();
  }

  get flows(): KernelFlows | null {
    return this.found;
  }

  get any(): boolean {
    return (this.found?.ids.length ?? 0) > 0;
  }

  dispose(): void {
    this.current.changed.disconnect(this.follow, this);
    this.found?.dispose();
    this.found = null;
    Signal.clearData(this);
  }

  private readonly follow = (): void => {
    const { kernel } = this.current;
    if (kernel !== (this.found?.kernel ?? null) || kernel?.isDisposed === true) {
      this.found?.dispose();
      this.found = kernel === null || kernel.isDisposed ? null : new KernelFlows(kernel);
      this.found?.changed.connect(this.tell, this);
      this.tell();
    }
  };

  private readonly tell = (): void => {
    this.changed.emit();
  };
}
