// The plugin that shows flows of saved notebooks as they were, where no kernel has them.
//
// Other outputs are unaffected: each notebook's registry chooses as before, and only where it would
// choose the widget's view of a flow, this extension's renderer takes its place.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Widget } from "@lumino/widgets";
import { FLOW, modelOf, VIEW } from "./bundle";
import { FlowOutput } from "./flow-output";
import { Models } from "./models";
import { excludeFlowsOnSave } from "./saved-state";

class FlowOutputs implements DocumentRegistry.WidgetExtension {
  private readonly open = new Set<Models>();

  createNew(panel: Widget, context: DocumentRegistry.Context): void {
    const rendermime = registryOf(panel);
    if (rendermime === null) {
      return;
    }
    const models = new Models(context, rendermime, this.open);
    this.open.add(models);
    panel.disposed.connect(() => {
      this.open.delete(models);
      models.dispose();
    });
    show(models, excludeFlowsOnSave(context));
  }
}

function show(models: Models, isLive: () => void): void {
  const { rendermime } = models;
  const stock = rendermime.preferredMimeType.bind(rendermime);
  rendermime.preferredMimeType = (bundle, safe) => {
    const found = stock(bundle, safe);
    return found === VIEW && modelOf(bundle) !== null ? FLOW : found;
  };
  const createRenderer = (): FlowOutput => new FlowOutput(models, isLive);
  rendermime.addFactory({ safe: false, mimeTypes: [FLOW], createRenderer });
}

/** The registry of a notebook; each has its own. */
function registryOf(panel: Widget): IRenderMimeRegistry | null {
  const { content } = panel as { readonly content?: { readonly rendermime?: IRenderMimeRegistry } };
  return content?.rendermime ?? null;
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:at-rest",
  description: "Shows the flows of a saved notebook as they were, until a kernel has them.",
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    app.docRegistry.addWidgetExtension("Notebook", new FlowOutputs());
  },
};

export default plugin;
