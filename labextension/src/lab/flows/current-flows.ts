// The flows of the current notebook's kernel. Knows no DOM.
import { Signal } from "@lumino/signaling";
import type { Subject } from "../../widget/subject";
import type { CurrentNotebook } from "../current-notebook";
import type { KernelFlows } from "./kernel-flows";
import { leaveFlows, useFlows } from "./shared";

/** The side panel that shows the flows. */
export interface SidePanel {
  /** Come to the front, and pick something in a flow. */
  reveal(flow: string, picked: Subject | null): void;
}

export class CurrentFlows {
  /** There are other flows, or the kernel is another one. */
  readonly changed = new Signal<this, void>(this);
  panel: SidePanel | null = null;
  private found: KernelFlows | null = null;
  private isOpen = false;

  constructor(readonly current: CurrentNotebook) {
    current.changed.connect(this.follow, this);
    this.follow();
  }

  get flows(): KernelFlows | null {
    return this.found;
  }

  /** Whether the side panel shows these flows. */
  get arePanelled(): boolean {
    return this.isOpen;
  }

  set arePanelled(isOpen: boolean) {
    if (isOpen !== this.isOpen) {
      this.isOpen = isOpen;
      this.changed.emit();
    }
  }

  get any(): boolean {
    return (this.found?.ids.length ?? 0) > 0;
  }

  dispose(): void {
    this.current.changed.disconnect(this.follow, this);
    this.leave();
    Signal.clearData(this);
  }

  private readonly follow = (): void => {
    const { kernel } = this.current;
    if (kernel !== (this.found?.kernel ?? null) || kernel?.isDisposed === true) {
      this.leave();
      this.found = kernel === null || kernel.isDisposed ? null : useFlows(kernel);
      this.found?.changed.connect(this.tell, this);
      this.tell();
    }
  };

  private leave(): void {
    if (this.found !== null) {
      this.found.changed.disconnect(this.tell, this);
      leaveFlows(this.found);
      this.found = null;
    }
  }

  private readonly tell = (): void => {
    this.changed.emit();
  };
}
