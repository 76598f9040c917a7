// The output of a cell that shows a flow. While there is a model for it: the live view, or one line
// where the flow is shown in full elsewhere. After its kernel: the flow as this page has seen it last,
// or the picture or text that was saved, with what became of its resources.
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import type { ReadonlyJSONObject } from "@lumino/coreutils";
import type { Message } from "@lumino/messaging";
import { Panel, Widget } from "@lumino/widgets";
import { NOTHING, type Model } from "../../widget/model";
import { followCells, tell } from "../../widget/page";
import { relayFrom } from "../../widget/relay";
import type { Subject } from "../../widget/subject";
import { sendOnControl } from "../control-channel";
import { flowIn, modelOf, VIEW } from "./bundle";
import { CellLine } from "./cell-line";
import { flowNameOf } from "./cells";
import { EndedLine } from "./ended-line";
import type { EndedModel } from "./ended";
import { fateWords, keptOf, resourceOf, statesOf } from "./fate-words";
import { watchOnce } from "./peek";
import type { Models } from "./models";
import type { Shown, Stage } from "./stage";
import { describe, OwnView, savedRenderer } from "./still";

const PATIENCE = 1000; // milliseconds
const TRIES = 10; // a model may not be ready at once

/** What stands in an output beside the view that the widgets' manager draws. */
type Part = "live" | "early" | "still" | "line" | "ended";

export class FlowOutput extends Panel implements IRenderMime.IRenderer, Shown {
  private model: IRenderMime.IMimeModel | null = null;
  private readonly parts: Partial<Record<Part, Widget>> = {};
  private shownModel = ""; // which model of which kernel
  private tries = 0;
  private work = Promise.resolve();
  private readonly line: CellLine;
  private readonly endedLine: EndedLine;
  private readonly over: Widget;
  private unwant: (() => void) | null = null;
  private frame = 0;
  private watched: { readonly disconnect: () => void } | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly isLive: () => void,
  ) {
    super();
    this.addClass("resnb-output");
    this.line = new CellLine((picked) => {
      stage.goToFull(this.output, this.flow, picked);
    });
    this.endedLine = new EndedLine(() => {
      keptOf(stage.fates.of(this.name)).forEach((one) => {
        stage.cleanUp(one);
      });
    });
    this.over = new Widget({ node: this.endedLine.element });
    this.over.hide();
    this.addWidget(this.over);
    stage.changed.connect(this.refresh, this);
    stage.cells.turned.connect(this.turned, this);
    stage.fates.changed.connect(this.drawFate, this);
    relayFrom(this.node, (command) => sendOnControl(stage.models.kernel, this.flow, command));
    followCells(this.node, (cell) => stage.cells.goTo(cell));
  }

  /** The id of the output's model. */
  get output(): string {
    return (this.model === null ? null : modelOf(this.model.data)) ?? "";
  }

  private get flow(): string {
    return flowIn(this.output);
  }

  private get name(): string {
    return this.model === null ? "" : flowNameOf(this.model.data);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      cancelAnimationFrame(this.frame);
      this.stage.remove(this);
      this.stage.changed.disconnect(this.refresh, this);
      this.stage.cells.turned.disconnect(this.turned, this);
      this.stage.fates.changed.disconnect(this.drawFate, this);
      this.unwant?.();
      this.watched?.disconnect();
      super.dispose();
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.refresh(); // it may stand outside of the notebook
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    this.tries = 0;
    this.drop("still");
    this.stage.add(this);
    return this.look();
  }

  pick(subject: Subject): void {
    this.node.scrollIntoView({ block: "nearest" });
    tell(this.node, { pick: subject });
  }

  private readonly refresh = (): void => {
    void this.look();
  };

  private readonly turned = (): void => {
    tell(this.node, { cell: this.stage.cells.active });
  };

  /** Show what there is by now; the steps take time and must not overlap. */
  private look(): Promise<void> {
    this.work = this.work.then(() => this.settle()).catch(console.error);
    return this.work;
  }

  private async settle(): Promise<void> {
    const { model, output, stage } = this;
    if (this.isDisposed || model === null || output === "") {
      return;
    }
    const owner = stage.models.ownerOf(output);
    const ended = owner === null ? stage.endedFlow(this.flow) : undefined;
    const early = owner === null ? stage.earlyFlow(this.flow) : undefined;
    const isFull = stage.isFull(this);
    const wanted = owner === null || !isFull ? "" : `${stage.models.kernelId} ${output}`;
    const { live } = this.parts;
    if (live !== undefined && !(wanted === this.shownModel && hasView(live))) {
      this.drop("live"); // the kernel has restarted, is another one, or the flow is shown elsewhere
    }
    this.follow(owner !== null || early !== undefined, ended);
    if ((owner ?? early ?? ended ?? null) !== null && !isFull) {
      this.only("line");
      this.put("line", () => new Widget({ node: this.line.element }));
      this.draw();
    } else if (owner !== null) {
      await this.makeLive(owner, model, wanted);
    } else if (early !== undefined) {
      this.only("early");
      this.put("early", () => new OwnView(early));
      this.turned();
    } else if (ended !== undefined) {
      this.only("ended");
      this.put("ended", () => new OwnView(ended, "resnb-ended"));
      this.turned();
    } else {
      this.tries = 0;
      await this.makeStill(model);
    }
    this.drawFate();
  }

  private async makeLive(
    owner: Models,
    model: IRenderMime.IMimeModel,
    wanted: string,
  ): Promise<void> {
    if (this.parts.live === undefined && this.tries < TRIES) {
      this.tries += 1;
      await this.showLive(owner, model);
      this.shownModel = wanted;
    }
    if (this.parts.live === undefined) {
      await this.makeStill(model);
    }
  }

  private async showLive(owner: Models, model: IRenderMime.IMimeModel): Promise<void> {
    const live = owner.rendermime.createRenderer(VIEW);
    live.addClass("resnb-waiting"); // it shows a message until it has its view
    this.addWidget(live);
    await Promise.race([live.renderModel(apart(model)), patience()]);
    if (this.isDisposed || !hasView(live)) {
      live.dispose();
      return;
    }
    live.removeClass("resnb-waiting");
    this.only("live");
    this.parts.live = live;
    this.turned();
    this.isLive();
  }

  private async makeStill(model: IRenderMime.IMimeModel): Promise<void> {
    this.only("still");
    const still =
      this.parts.still === undefined ? savedRenderer(this.stage.models.rendermime, model) : null;
    if (still !== null) {
      this.parts.still = still;
      this.addWidget(still);
      await still.renderModel(model);
      describe(still, model);
    }
  }

  /** Follow the flow's state for the line, and the fate of its resources once its kernel has ended. */
  private follow(isAlive: boolean, ended: EndedModel | undefined): void {
    if (isAlive) {
      this.unwant?.();
      this.unwant = null;
    } else {
      this.unwant ??= this.stage.fates.want();
    }
    this.watched?.disconnect();
    const flow = isAlive ? this.stage.flow(this.flow) : undefined;
    const { soon } = this;
    flow?.turned.connect(soon, this);
    this.watched = { disconnect: () => flow?.turned.disconnect(soon, this) };
    if (flow !== undefined && flow.state.structure === null) {
      watchOnce(flow);
    }
    if (ended === undefined) {
      this.drop("ended");
    }
  }

  private readonly soon = (): void => {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.draw();
    });
  };

  private draw(): void {
    if (this.parts.line !== undefined) {
      const { stage, flow, output } = this;
      const shown = this.unwant === null ? stage.flow(flow) : stage.endedFlow(flow);
      const model: Model = shown?.state ?? NOTHING;
      const cell = stage.cells.around(this.node);
      this.line.show(model, this.name, cell, stage.where(output));
    }
  }

  private readonly drawFate = (): void => {
    const { stage, name } = this;
    const isOver = this.unwant !== null && this.parts.live === undefined;
    if (!isOver || name === "" || !stage.isOver(this.flow, name)) {
      this.over.hide();
      return;
    }
    const fate = stage.fates.of(name);
    const kept = keptOf(fate);
    const ended = stage.endedFlow(this.flow);
    const cell = stage.cells.around(this.node);
    const scopes = ended?.state.cells.find(({ id }) => id === cell)?.scopes ?? [];
    const isOwn = kept.some((one) => scopes.includes(resourceOf(name, one)));
    this.endedLine.show(fateWords(fate, stage.fates.now), kept.length > 0, isOwn);
    this.over.setHidden(this.parts.line !== undefined && !isOwn); // the whole flow says it
    ended?.became(statesOf(fate));
    this.draw();
  };

  private put(part: Part, make: () => Widget): void {
    if (this.parts[part] === undefined) {
      const made = make();
      this.parts[part] = made;
      this.addWidget(made);
    }
  }

  private only(part: Part): void {
    for (const one of Object.keys(this.parts) as Part[]) {
      if (one !== part) {
        this.drop(one);
      }
    }
  }

  private drop(part: Part): void {
    this.parts[part]?.dispose();
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
    delete this.parts[part];
  }
}

/** A timeout: the widgets' renderer waits for a manager that may have come before it. */
function patience(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PATIENCE);
  });
}

/** The model with a view's data of its own: the widgets' renderer empties its id with the view. */
function apart(model: IRenderMime.IMimeModel): IRenderMime.IMimeModel {
  const { trusted, metadata, data } = model;
  const view = data[VIEW] as ReadonlyJSONObject;
  return { trusted, metadata, data: { ...data, [VIEW]: { ...view } }, setData: () => undefined };
}

/** Whether the widgets' renderer shows a view rather than a message. */
function hasView(renderer: Widget): boolean {
  return Array.from(renderer.children()).length > 0;
}
