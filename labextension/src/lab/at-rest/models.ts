// The models that a notebook can show: those that its kernel has opened, and those whose state was
// saved with the notebook.
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Kernel, KernelMessage } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";
import { isSaved } from "./bundle";

// A reloaded page gets its models from the kernel, and no message says when it has them.
const LATER = [0, 100, 500, 2000, 5000]; // milliseconds

interface NotebookModel {
  getMetadata(key: string): unknown;
}

export class Models {
  /** Models may have come or gone. */
  readonly changed = new Signal<this, void>(this);
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  /**
   * @param context the notebook.
   * @param rendermime its renderers.
   * @param all the models of all open notebooks: the widget manager of one of them serves a kernel.
   */
  constructor(
    private readonly context: DocumentRegistry.Context,
    readonly rendermime: IRenderMimeRegistry,
    private readonly all: ReadonlySet<Models>,
  ) {
    const { sessionContext } = context;
    sessionContext.kernelChanged.connect(this.soon, this);
    sessionContext.statusChanged.connect(this.soon, this);
    sessionContext.connectionStatusChanged.connect(this.soon, this);
    sessionContext.iopubMessage.connect(this.heard, this);
    this.soon();
  }

  /** The notebook whose renderer shows the model with this id; null if there is none. */
  ownerOf(id: string): Models | null {
    const kernel = this.kernel;
    if (kernel === null) {
      return null;
    }
    for (const one of [this, ...this.all]) {
      if (one.kernel?.id === kernel.id && one.kernel.hasComm(id)) {
        return one;
      }
    }
    const { model } = this.context as { readonly model: Partial<NotebookModel> };
    return isSaved(model.getMetadata?.("widgets"), id) ? this : null;
  }

  get kernelId(): string {
    return this.kernel?.id ?? "";
  }

  dispose(): void {
    this.timers.forEach(clearTimeout);
    Signal.clearData(this);
  }

  get kernel(): Kernel.IKernelConnection | null {
    return this.context.sessionContext.session?.kernel ?? null;
  }

  private readonly heard = (_: unknown, message: KernelMessage.IMessage): void => {
    if (/^comm_(open|close)$/.test(message.header.msg_type)) {
      this.soon();
    }
  };

  /** Emit `changed` soon, and some time later once more. */
  private readonly soon = (): void => {
    this.timers.forEach(clearTimeout);
    this.timers.clear();
    for (const delay of LATER) {
      this.timers.add(
        setTimeout(() => {
          this.changed.emit();
        }, delay),
      );
    }
  };
}
