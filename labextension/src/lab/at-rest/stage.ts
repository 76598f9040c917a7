// What the outputs of one notebook show of its flows: each flow once in full, in the cell that ran
// last or in the side panel; one line in its other cells; what became of it after its kernel.
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { KernelMessage } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";
import type { Subject } from "../../widget/subject";
import type { CurrentFlows } from "../flows/current-flows";
import type { FlowModel } from "../flows/flow-model";
import type { KernelFlows } from "../flows/kernel-flows";
import { leaveFlows, useFlows } from "../flows/shared";
import type { Lease } from "../../wire/server";
import type { Resources } from "../tokens";
import { Cells, type Content } from "./cells";
import { EndedModel } from "./ended";
import { Fates } from "./fates";
import type { Models } from "./models";
import { takeUpdate } from "./updates";

/** An output that shows a flow. */
export interface Shown {
  readonly node: HTMLElement;
  /** The id of the output's model. */
  readonly output: string;
  /** Pick something in the whole flow, if this shows it. */
  pick(subject: Subject): void;
}

export class Stage {
  /** What outputs have to show may be other than before. */
  readonly changed = new Signal<this, void>(this);
  readonly cells: Cells;
  readonly fates: Fates;
  private readonly shown = new Set<Shown>();
  private readonly past = new Map<string, FlowModel>();
  private readonly ended = new Map<string, EndedModel>();
  private flows: KernelFlows | null = null;
  private hasFlows = false; // whether the present kernel has, or had until it ended

  constructor(
    readonly models: Models,
    private readonly context: DocumentRegistry.Context,
    content: Content,
    private readonly resources: Resources | null,
    private readonly current: CurrentFlows | null,
  ) {
    this.cells = new Cells(content);
    this.fates = new Fates(resources, () => context.path);
    models.changed.connect(this.look, this);
    current?.changed.connect(this.look, this);
    context.sessionContext.iopubMessage.connect(this.heard, this);
    this.look();
  }

  dispose(): void {
    this.current?.changed.disconnect(this.look, this);
    this.leave();
    this.cells.dispose();
    this.fates.dispose();
    this.models.dispose();
    Signal.clearData(this);
  }

  /** The notebook's path. */
  get path(): string {
    return this.context.path;
  }

  add(shown: Shown): void {
    this.shown.add(shown);
    this.changed.emit();
  }

  remove(shown: Shown): void {
    this.shown.delete(shown);
  }

  /** Whether an output is the one that shows its flow in full. */
  isFull(one: Shown): boolean {
    const around = this.cells.around(one.node);
    if (around === "" && one.node.isConnected) {
      return true; // a view of the output that a user has opened beside the notebook
    }
    if (this.isPanelled) {
      return false;
    }
    const holder = this.cells.holderOf(one.output);
    if (holder === null || around !== holder) {
      return holder === null;
    }
    return this.inCell(holder, one.output).at(-1) === one;
  }

  /** Where the whole flow is shown, in words. */
  where(output: string): string {
    if (this.isPanelled) {
      return "in the side panel";
    }
    const holder = this.cells.holderOf(output);
    const number = holder === null ? null : this.cells.numberOf(holder);
    return number === null ? "in another cell" : `in cell [${number}]`;
  }

  /** Go to the whole flow of an output, and pick something in it. */
  goToFull(output: string, flow: string, picked: Subject | null): void {
    if (this.isPanelled) {
      this.current?.panel?.reveal(flow, picked);
      return;
    }
    const holder = this.cells.holderOf(output);
    if (holder !== null && this.cells.goTo(holder) && picked !== null) {
      this.inCell(holder, output).at(-1)?.pick(picked);
    }
  }

  /** Whether the kernel that a flow had has ended, as far as the page and the server know. */
  isOver(flow: string, name: string): boolean {
    const { isReady } = this.context.sessionContext;
    const isKnown = this.flows === null ? isReady : this.flows.isKnown;
    const isAlive = [...this.fates.of(name).leases.values()].some(
      ({ kernel, state }) => kernel === "alive" && state !== "closed",
    );
    return (isKnown || this.endedFlow(flow) !== undefined) && !isAlive;
  }

  /** Clean up what is kept; the list says if that fails. */
  cleanUp(lease: Lease): void {
    this.resources?.actions.cleanUp(lease.id).catch(console.warn);
  }

  /** What is known of a flow of the present kernel. */
  flow(id: string): FlowModel | undefined {
    return this.flows?.model(id);
  }

  /** A flow of the present kernel whose model no widget manager has got yet. */
  earlyFlow(id: string): FlowModel | undefined {
    this.flows?.ask(id);
    const found = this.flow(id);
    return found === undefined || found.state.codes.length === 0 ? undefined : found;
  }

  /** A flow of a kernel that has ended while this page was looking. */
  endedFlow(id: string): EndedModel | undefined {
    const model = this.past.get(id);
    if (model === undefined || model === this.flow(id) || model.state.structure === null) {
      return undefined;
    }
    let found = this.ended.get(id);
    if (found === undefined) {
      found = new EndedModel(model);
      this.ended.set(id, found);
    }
    return found;
  }

  private get isPanelled(): boolean {
    const { current } = this;
    const { kernel } = this.models;
    return kernel !== null && current?.arePanelled === true && current.current.kernel === kernel;
  }

  /** The outputs in a cell that show a flow, from top to bottom. */
  private inCell(cell: string, output: string): readonly Shown[] {
    return [...this.shown]
      .filter((one) => one.output === output && this.cells.around(one.node) === cell)
      .sort((one, other) =>
        one.node.compareDocumentPosition(other.node) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1,
      );
  }

  private readonly heard = (_: unknown, { header, content }: KernelMessage.IMessage): void => {
    if (header.msg_type === "update_display_data") {
      takeUpdate(this.cells, content);
    }
  };

  private readonly look = (): void => {
    const { kernel } = this.models;
    const wanted = kernel === null || kernel.isDisposed ? null : kernel;
    if (wanted !== (this.flows?.kernel ?? null) || this.flows?.isDisposed === true) {
      this.leave();
      this.flows = wanted === null ? null : useFlows(wanted);
      this.flows?.changed.connect(this.learn, this);
    }
    this.learn();
  };

  /** Keep the models of all flows, also beyond the end of their kernel. */
  private readonly learn = (): void => {
    const ids = this.flows?.ids ?? [];
    for (const id of ids) {
      const model = this.flow(id);
      const before = this.past.get(id);
      if (model === undefined || before === model) {
        continue;
      }
      if (before === undefined || model.state.structure !== null) {
        this.past.set(id, model);
        this.ended.delete(id);
      } else {
        // what a kernel says while it ends must not take the place of what it said before
        model.turned.connect(this.learn, this);
      }
    }
    if (this.hasFlows && ids.length === 0) {
      this.fates.kernelEnded();
    }
    this.hasFlows = ids.length > 0;
    this.changed.emit();
  };

  private leave(): void {
    if (this.flows !== null) {
      this.flows.changed.disconnect(this.learn, this);
      leaveFlows(this.flows);
      this.flows = null;
    }
  }
}
