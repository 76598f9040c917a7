// The notebook that the user works in, and its kernel. It stays current while something that is no
// notebook has the focus. Knows no DOM.
import type { ISessionContext } from "@jupyterlab/apputils";
import type { Kernel } from "@jupyterlab/services";
import { Signal, type ISignal } from "@lumino/signaling";

/** The part of a notebook's panel that is used. */
export interface NotebookPanel {
  readonly sessionContext: ISessionContext;
  readonly isDisposed: boolean;
  readonly content: { readonly activeCell: ActiveCell | null };
}

interface ActiveCell {
  readonly model: { readonly sharedModel: { getSource(): string } };
}

/** The part of a shell that is used. */
export interface Shell {
  readonly currentWidget: object | null;
  readonly currentChanged?: ISignal<unknown, unknown>;
}

type KernelOrNot = Kernel.IKernelConnection | null;

export class CurrentNotebook {
  /** The notebook or its kernel is another one. */
  readonly changed = new Signal<this, void>(this);
  private panel: NotebookPanel | null = null;
  private known: KernelOrNot = null;

  constructor(private readonly shell: Shell) {
    shell.currentChanged?.connect(this.follow, this);
    this.follow();
  }

  get notebook(): NotebookPanel | null {
    return this.panel?.isDisposed === true ? null : this.panel;
  }

  get kernel(): KernelOrNot {
    return this.notebook?.sessionContext.session?.kernel ?? null;
  }

  /** The source of the active cell; "" if there is none. */
  get source(): string {
    return this.notebook?.content.activeCell?.model.sharedModel.getSource() ?? "";
  }

  /** The notebook's name; "" if there is none. */
  get name(): string {
    return this.notebook?.sessionContext.name ?? "";
  }

  dispose(): void {
    this.shell.currentChanged?.disconnect(this.follow, this);
    this.leave();
    Signal.clearData(this);
  }

  private readonly follow = (): void => {
    const { currentWidget } = this.shell;
    if (isNotebook(currentWidget) && currentWidget !== this.panel) {
      this.leave();
      this.panel = currentWidget;
      const { sessionContext } = currentWidget;
      sessionContext.kernelChanged.connect(this.look, this);
      sessionContext.disposed.connect(this.look, this);
    }
    this.look();
  };

  private leave(): void {
    const context = this.panel?.sessionContext;
    context?.kernelChanged.disconnect(this.look, this);
    context?.disposed.disconnect(this.look, this);
    this.panel = null;
  }

  private readonly look = (): void => {
    const { kernel } = this;
    if (kernel !== this.known) {
      this.known = kernel;
      this.changed.emit();
    }
  };
}

function isNotebook(widget: object | null): widget is NotebookPanel {
  const { content, sessionContext } = (widget ?? {}) as {
    readonly content?: object;
    readonly sessionContext?: object;
  };
  return sessionContext !== undefined && content !== undefined && "activeCell" in content;
}
