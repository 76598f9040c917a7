// The plugin that shows in the status bar how many resources are open; a click lists them.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IStatusBar } from "@jupyterlab/statusbar";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import { button, setText, set } from "../widget/dom";
import { SHOW } from "./commands/ids";
import { summary } from "./panel/heading";
import { IResources, type Resources } from "./tokens";

export class Status extends Widget {
  /** Whether there is something to show has changed. */
  readonly turned = new Signal<this, void>(this);
  private readonly button: HTMLButtonElement;

  constructor(
    private readonly resources: Resources,
    show: () => void,
  ) {
    super();
    this.addClass("resnb-status");
    this.button = button("", "", show);
    this.node.append(this.button);
    resources.leases.changed.connect(this.draw, this);
    this.draw();
  }

  get hasNews(): boolean {
    return this.resources.leases.list.total > 0;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.resources.leases.changed.disconnect(this.draw, this);
      Signal.clearData(this);
      super.dispose();
    }
  }

  private readonly draw = (): void => {
    const { text, about, isWrong } = summary(this.resources.leases);
    setText(this.button, text);
    set(this.button, { class: isWrong ? "is-wrong" : "", title: about });
    this.turned.emit();
  };
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:status",
  description: "Says in the status bar how many resources are open.",
  autoStart: true,
  requires: [IResources],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, resources: Resources, bar: IStatusBar | null) => {
    if (bar === null) {
      return;
    }
    const item = new Status(resources, () => void app.commands.execute(SHOW));
    bar.registerStatusItem("resnb:status", {
      item,
      align: "left",
      rank: 3,
      isActive: () => item.hasNews,
      activeStateChanged: item.turned,
    });
  },
};

export default plugin;
