// The output of a cell that shows a flow: the live view while there is a model for it, else the
// picture or text that was saved with it.
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Panel } from "@lumino/widgets";
import { relayFrom } from "../../widget/relay";
import { sendOnControl } from "../control-channel";
import { flowIn, modelOf, VIEW, withoutView } from "./bundle";
import type { Models } from "./models";

const SAVED = "The flow as it was saved. Run the cell to see it live.";
const PATIENCE = 1000; // milliseconds
const TRIES = 10; // a model may not be ready at once

export class FlowOutput extends Panel implements IRenderMime.IRenderer {
  private model: IRenderMime.IMimeModel | null = null;
  private live: IRenderMime.IRenderer | null = null;
  private still: IRenderMime.IRenderer | null = null;
  private shown = ""; // which model of which kernel
  private tries = 0;
  private work = Promise.resolve();

  constructor(
    private readonly models: Models,
    private readonly isLive: () => void,
  ) {
    super();
    this.addClass("resnb-output");
    models.changed.connect(this.refresh, this);
    relayFrom(this.node, (command) => {
      const id = this.model === null ? null : modelOf(this.model.data);
      return id !== null && sendOnControl(models.kernel, flowIn(id), command);
    });
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    this.tries = 0;
    this.drop("still");
    return this.look();
  }

  private readonly refresh = (): void => {
    void this.look();
  };

  /** Show what there is by now; the steps take time and must not overlap. */
  private look(): Promise<void> {
    this.work = this.work.then(() => this.settle()).catch(console.error);
    return this.work;
  }

  private async settle(): Promise<void> {
    const { model } = this;
    const id = model === null ? null : modelOf(model.data);
    if (this.isDisposed || model === null || id === null) {
      return;
    }
    const owner = this.models.ownerOf(id);
    const wanted = owner === null ? "" : `${this.models.kernelId} ${id}`;
    if (this.live !== null && !(wanted === this.shown && hasView(this.live))) {
      this.drop("live"); // the kernel has restarted, or is another one
    }
    if (owner === null) {
      this.tries = 0;
    } else if (this.live === null && this.tries < TRIES) {
      this.tries += 1;
      await this.showLive(owner, model);
      this.shown = wanted;
    }
    if (this.live === null && this.still === null) {
      await this.showStill(model);
    }
  }

  private async showLive(owner: Models, model: IRenderMime.IMimeModel): Promise<void> {
    const live = owner.rendermime.createRenderer(VIEW);
    live.addClass("resnb-waiting"); // it shows a message until it has its view
    this.addWidget(live);
    await Promise.race([live.renderModel(model), patience()]);
    if (this.isDisposed || !hasView(live)) {
      live.dispose();
      return;
    }
    live.removeClass("resnb-waiting");
    this.drop("still");
    this.live = live;
    this.isLive();
  }

  private async showStill(model: IRenderMime.IMimeModel): Promise<void> {
    const data = withoutView(model.data);
    const { rendermime } = this.models;
    const form = rendermime.preferredMimeType(data, model.trusted ? "any" : "ensure");
    if (form === undefined) {
      return;
    }
    const still = rendermime.createRenderer(form);
    this.still = still;
    still.node.title = SAVED;
    this.addWidget(still);
    await still.renderModel(model);
  }

  private drop(which: "live" | "still"): void {
    this[which]?.dispose();
    this[which] = null;
  }
}

/** A timeout: the widgets' renderer waits for a manager that may have come before it. */
function patience(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PATIENCE);
  });
}

/** Whether the widgets' renderer shows a view rather than a message. */
function hasView(renderer: IRenderMime.IRenderer): boolean {
  return Array.from(renderer.children()).length > 0;
}
