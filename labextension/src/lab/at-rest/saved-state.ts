// Keeps flows out of the widgets' state that JupyterLab saves if the user wants it. A page made from
// such a notebook would show the widget, which it has to load from the internet, instead of the
// picture.
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import { withoutFlows } from "./bundle";

interface NotebookModel {
  getMetadata(key: string): unknown;
  setMetadata(key: string, value: unknown): void;
  deleteMetadata(key: string): void;
}

/** Returns what to call when a live view is shown: by then the widgets' manager writes first. */
export function excludeFlowsOnSave(context: DocumentRegistry.Context): () => void {
  let isListening = false;
  return () => {
    if (!isListening) {
      isListening = true;
      context.saveState.connect(clean);
    }
  };
}

function clean(context: DocumentRegistry.Context, state: DocumentRegistry.SaveState): void {
  if (state !== "started") {
    return;
  }
  const model = context.model as unknown as NotebookModel;
  const saved = model.getMetadata("widgets");
  const left = withoutFlows(saved);
  if (left === null) {
    model.deleteMetadata("widgets");
  } else if (left !== saved) {
    model.setMetadata("widgets", left);
  }
}
