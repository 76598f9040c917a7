// The cells of a notebook, as far as flows need them: which shows what, which is active, how to go
// to one.
import { Signal, type ISignal } from "@lumino/signaling";
import { modelOf } from "./bundle";
import { Latest } from "./latest";

/** The part of an output's model that is used. */
export interface OutputModel {
  readonly data: Readonly<Record<string, unknown>>;
  toJSON(): object;
}

/** The part of a cell's outputs that is used. */
export interface Outputs {
  readonly length: number;
  get(index: number): OutputModel;
  set(index: number, value: object): void;
}

interface CellModel {
  readonly id: string;
  readonly executionCount?: number | null;
  readonly outputs?: Outputs;
}

interface Cell {
  readonly node: HTMLElement;
  readonly model: CellModel | null;
}

/** The part of a notebook's content that is used. */
export interface Content {
  readonly widgets: readonly Cell[];
  readonly activeCell: Cell | null;
  activeCellIndex: number;
  readonly activeCellChanged: ISignal<unknown, unknown>;
  scrollToItem?(index: number, align?: string): Promise<void>;
}

export class Cells {
  /** Another cell is active. */
  readonly turned = new Signal<this, void>(this);
  private readonly latest = new Map<string, Latest>();

  constructor(private readonly content: Content) {
    content.activeCellChanged.connect(this.turn, this);
  }

  dispose(): void {
    this.content.activeCellChanged.disconnect(this.turn, this);
    Signal.clearData(this);
  }

  /** The id of the active cell. */
  get active(): string {
    return this.content.activeCell?.model?.id ?? "";
  }

  /** The id of the cell that contains a node. */
  around(node: Node): string {
    return this.content.widgets.find((one) => one.node.contains(node))?.model?.id ?? "";
  }

  /** The number beside a cell; null if there is none. */
  numberOf(id: string): number | null {
    return this.content.widgets[this.placeOf(id)]?.model?.executionCount ?? null;
  }

  /** The id of the cell that shows an output's flow in full. */
  holderOf(output: string): string | null {
    const cells = this.content.widgets.flatMap(({ model }) =>
      model?.outputs === undefined
        ? []
        : [
            {
              id: model.id,
              count: model.executionCount ?? null,
              shows: bundles(model.outputs).some((one) => modelOf(one) === output),
            },
          ],
    );
    let latest = this.latest.get(output);
    if (latest === undefined) {
      latest = new Latest();
      this.latest.set(output, latest);
    }
    return latest.look(cells);
  }

  /** The first cell whose outputs show the flow with this name; "" if there is none. */
  showing(flow: string): string {
    const found = this.content.widgets.find(
      ({ model }) =>
        model?.outputs !== undefined &&
        bundles(model.outputs).some((one) => flowNameOf(one) === flow),
    );
    return found?.model?.id ?? "";
  }

  /** Make a cell the active one, and scroll to it; false if it is gone. */
  goTo(id: string): boolean {
    const place = this.placeOf(id);
    if (place === -1) {
      return false;
    }
    this.content.activeCellIndex = place;
    void this.content.scrollToItem?.(place, "smart");
    return true;
  }

  /** All outputs that show a flow. */
  outputs(): readonly (readonly [Outputs, number, OutputModel])[] {
    return this.content.widgets.flatMap(({ model }) => {
      const all = model?.outputs;
      return all === undefined
        ? []
        : Array.from({ length: all.length }, (_, at) => [all, at, all.get(at)] as const).filter(
            ([, , one]) => modelOf(one.data) !== null,
          );
    });
  }

  private placeOf(id: string): number {
    return this.content.widgets.findIndex(({ model }) => model?.id === id);
  }

  private readonly turn = (): void => {
    this.turned.emit();
  };
}

function bundles(outputs: Outputs): readonly OutputModel["data"][] {
  return Array.from({ length: outputs.length }, (_, at) => outputs.get(at).data);
}

/** The name of the flow that an output shows; "" if it shows none. */
export function flowNameOf(bundle: OutputModel["data"]): string {
  const view = modelOf(bundle) === null ? null : bundle["application/vnd.jupyter.widget-view+json"];
  const name = (view as { readonly flow?: unknown } | null)?.flow;
  return typeof name === "string" ? name : "";
}
