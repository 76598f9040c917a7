// The flows of one kernel, each as a model for views. Knows no DOM.
//
// Messages from the kernel are read independently of the widget manager, which reads them for the
// notebook's outputs. Messages to it go through a subshell of their own if the kernel supports that,
// so that they arrive while a cell is running, as JupyterLab's comms do.
import { KernelMessage, type Kernel } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";
import { uniqueId } from "../../widget/ids";
import { sendOnControl } from "../control-channel";
import { FlowModel } from "./flow-model";
import { flowIds, commNewsIn } from "./messages";

const WIDGETS = "jupyter.widget";

export class KernelFlows {
  /** A flow has come or gone. */
  readonly changed = new Signal<this, void>(this);
  private readonly models = new Map<string, FlowModel>();
  private subshell: Promise<string | null> | null = null;
  private isOver = false;
  private isTold = false;
  private process: string | undefined; // the kernel's, by the session of its messages
  private before: string | undefined; // the one that has ended
  private readonly asked = new Map<string, string>(); // flows that were asked for, each by a view

  constructor(readonly kernel: Kernel.IKernelConnection) {
    kernel.iopubMessage.connect(this.heard, this);
    kernel.statusChanged.connect(this.turned, this);
    kernel.connectionStatusChanged.connect(this.connected, this);
    kernel.disposed.connect(this.ended, this);
    this.connected();
  }

  /** The ids of its flows. */
  get ids(): readonly string[] {
    return [...this.models.keys()];
  }

  get isDisposed(): boolean {
    return this.isOver;
  }

  /** Whether the kernel has told which flows it has. */
  get isKnown(): boolean {
    return this.isTold;
  }

  model(id: string): FlowModel | undefined {
    return this.models.get(id);
  }

  /**
   * Ask for a flow that the kernel may have, on its control channel: while a cell is running, it does
   * not tell which it has.
   */
  ask(id: string): void {
    const { asked, isTold, kernel, models } = this;
    if (!isTold && !asked.has(id) && !models.has(id)) {
      const view = uniqueId();
      if (sendOnControl(kernel, id, { do: "open", view, ask: `${view}/1` })) {
        asked.set(id, view);
      }
    }
  }

  dispose(): void {
    if (this.isOver) {
      return;
    }
    this.isOver = true;
    const { kernel } = this;
    kernel.iopubMessage.disconnect(this.heard, this);
    kernel.statusChanged.disconnect(this.turned, this);
    kernel.connectionStatusChanged.disconnect(this.connected, this);
    kernel.disposed.disconnect(this.ended, this);
    this.forget();
    Signal.clearData(this);
  }

  private readonly ended = (): void => {
    this.dispose();
  };

  private readonly connected = (): void => {
    const { kernel } = this;
    if (kernel.connectionStatus === "connected") {
      kernel.requestCommInfo({ target_name: WIDGETS }).then(({ content }) => {
        if (!this.isOver && content.status === "ok") {
          flowIds(content.comms).forEach(this.add);
          this.isTold = true;
        }
      }, ignored);
    }
  };

  private readonly heard = (_: unknown, { header, content }: KernelMessage.IIOPubMessage): void => {
    if (header.session === this.before && header.session) {
      return; // it says so while it ends
    }
    this.process = header.session;
    const news = commNewsIn(header.msg_type, content);
    switch (news?.is) {
      case "opened":
      case "rested":
        this.add(news.id);
        this.models.get(news.id)?.rested(news.rest);
        break;
      case "closed":
        if (this.models.delete(news.id)) {
          this.changed.emit();
        }
        break;
      case "told":
        this.add(news.id); // it may not be known yet
        this.models.get(news.id)?.received(news.message);
        this.answered(news.id);
        break;
      case undefined:
    }
  };

  /** If a flow was asked for and is known by now, that is news, and no view needs to be told more. */
  private answered(id: string): void {
    const view = this.asked.get(id);
    if (view !== undefined && (this.models.get(id)?.state.codes.length ?? 0) > 0) {
      this.asked.delete(id);
      this.changed.emit();
      sendOnControl(this.kernel, id, { do: "close", view, ask: `${view}/2` });
    }
  }

  private readonly turned = (_: unknown, status: Kernel.Status): void => {
    if (status === "restarting" || status === "autorestarting" || status === "dead") {
      this.subshell = null; // it is gone with the kernel
      this.asked.clear();
      this.before = this.process;
      if (this.models.size > 0) {
        this.models.clear();
        this.changed.emit();
      }
    }
  };

  private readonly add = (id: string): void => {
    if (!this.models.has(id)) {
      this.models.set(id, new FlowModel((message) => void this.send(id, message)));
      this.changed.emit();
    }
  };

  private async send(id: string, message: unknown): Promise<void> {
    const subshellId = await this.shell();
    const { kernel } = this;
    if (kernel.isDisposed || kernel.connectionStatus !== "connected") {
      return;
    }
    const data = {
      method: "custom",
      content: message,
    } as KernelMessage.ICommMsgMsg["content"]["data"];
    kernel.sendShellMessage(
      KernelMessage.createMessage<KernelMessage.ICommMsgMsg<"shell">>({
        msgType: "comm_msg",
        channel: "shell",
        username: kernel.username,
        session: kernel.clientId,
        ...(subshellId === null ? {} : { subshellId }),
        content: { comm_id: id, data },
      }),
      false,
      true,
    );
  }

  /** The id of the subshell that receives the messages; null for the main shell. */
  private shell(): Promise<string | null> {
    this.subshell ??= this.isOver ? Promise.resolve(null) : this.opened();
    return this.subshell;
  }

  private async opened(): Promise<string | null> {
    const { kernel } = this;
    try {
      await kernel.info;
      if (!kernel.supportsSubshells) {
        return null;
      }
      const { content } = await kernel.requestCreateSubshell({}).done;
      return content.subshell_id;
    } catch {
      return null;
    }
  }

  private forget(): void {
    const { kernel, subshell } = this;
    this.subshell = null;
    void subshell?.then((id) => {
      if (id !== null && !kernel.isDisposed && kernel.connectionStatus === "connected") {
        kernel.requestDeleteSubshell({ subshell_id: id }, true).done.catch(ignored);
      }
    });
  }
}

function ignored(): void {
  // the kernel is gone
}
