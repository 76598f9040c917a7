// The output of a cell that shows a flow: the live view while there is a model for it, else the
// picture, or the text, that was saved beside it.
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Panel } from "@lumino/widgets";
import { modelOf, VIEW, withoutView } from "./bundle";
import type { Models } from "./models";

const SAVED = "The flow as it was saved. Run the cell to see it live.";
const TRIES = 5; // a model that is there may not be ready at once

export class FlowOutput extends Panel implements IRenderMime.IRenderer {
  private model: IRenderMime.IMimeModel | null = null;
  private live: IRenderMime.IRenderer | null = null;
  private still: IRenderMime.IRenderer | null = null;
  private shown: string | null = null;
  private tries = 0;
  private work = Promise.resolve();

  constructor(
    private readonly rendermime: IRenderMimeRegistry,
    private readonly models: Models,
  ) {
    super();
    this.addClass("resnb-output");
    models.changed.connect(this.refresh, this);
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    this.tries = 0;
    this.drop("still");
    if (this.shown !== modelOf(model.data)) {
      this.drop("live");
    }
    return this.look();
  }

  private readonly refresh = (): void => {
    void this.look();
  };

  /** Show what there is by now; one step after the other, for each takes its time. */
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
    const isThere = this.models.has(id);
    if (this.live !== null && !(isThere && hasView(this.live))) {
      this.drop("live"); // the kernel has restarted, or was left
    }
    if (!isThere) {
      this.tries = 0;
    } else if (this.live === null && this.tries < TRIES) {
      this.tries += 1;
      await this.goLive(model, id);
    }
    if (this.live === null && this.still === null) {
      await this.goStill(model);
    }
  }

  private async goLive(model: IRenderMime.IMimeModel, id: string): Promise<void> {
    const live = this.rendermime.createRenderer(VIEW);
    live.addClass("resnb-waiting"); // it says something else until it has its view
    this.addWidget(live);
    await live.renderModel(model);
    if (this.isDisposed || !hasView(live)) {
      live.dispose();
      return;
    }
    live.removeClass("resnb-waiting");
    this.drop("still");
    this.live = live;
    this.shown = id;
  }

  private async goStill(model: IRenderMime.IMimeModel): Promise<void> {
    const data = withoutView(model.data);
    const form = this.rendermime.preferredMimeType(data, model.trusted ? "any" : "ensure");
    if (form === undefined) {
      return;
    }
    const still = this.rendermime.createRenderer(form);
    this.still = still;
    still.node.title = SAVED;
    this.addWidget(still);
    await still.renderModel(model);
  }

  private drop(which: "live" | "still"): void {
    this[which]?.dispose();
    this[which] = null;
    if (which === "live") {
      this.shown = null;
    }
  }
}

/** Whether the widgets' own renderer shows a view, and no message instead. */
function hasView(renderer: IRenderMime.IRenderer): boolean {
  return Array.from(renderer.children()).length > 0;
}
