// Keeps in the notebook what the kernel says that the outputs of a flow are by now.
//
// JupyterLab does that itself for outputs that have arrived since the page was loaded; after that, and
// for a cell's result, it does not know which output is meant. Here it is known by the flow.
import { modelOf } from "./bundle";
import type { Cells } from "./cells";

interface Content {
  readonly data?: unknown;
  readonly metadata?: unknown;
  readonly transient?: { readonly resnb?: unknown };
}

/** Replace the outputs that an update is about, unless they are the same already. */
export function takeUpdate(cells: Cells, content: unknown): void {
  const { data, metadata, transient } = (content ?? {}) as Content;
  const bundle = (data ?? {}) as Readonly<Record<string, unknown>>;
  const id = modelOf(bundle);
  if (id === null || transient?.resnb !== "all") {
    return;
  }
  for (const [outputs, at, output] of cells.outputs()) {
    const isSame = output.data["text/plain"] === bundle["text/plain"];
    if (modelOf(output.data) === id && !isSame) {
      outputs.set(at, { ...output.toJSON(), data: bundle, metadata: metadata ?? {} });
    }
  }
}
