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
import { ICurrentFlows, IResources, type Resources } from "../tokens";
import type { CurrentFlows } from "../flows/current-flows";
import type { Content } from "./cells";
import { Models } from "./models";
import { excludeFlowsOnSave } from "./saved-state";
import { Stage } from "./stage";

interface NotebookContent extends Content {
  readonly rendermime: IRenderMimeRegistry;
}

class FlowOutputs implements DocumentRegistry.WidgetExtension {
  private readonly open = new Set<Models>();

  constructor(
    private readonly resources: Resources | null,
    private readonly flows: CurrentFlows | null,
  ) {}

  createNew(panel: Widget, context: DocumentRegistry.Context): void {
    const content = contentOf(panel);
    if (content === null) {
      return;
    }
    const { rendermime } = content;
    const models = new Models(context, rendermime, this.open);
    this.open.add(models);
    const stage = new Stage(models, context, content, this.resources, this.flows);
    panel.disposed.connect(() => {
      this.open.delete(models);
      stage.dispose();
    });
    show(stage, excludeFlowsOnSave(context));
  }
}

function show(stage: Stage, isLive: () => void): void {
  const { rendermime } = stage.models;
  const stock = rendermime.preferredMimeType.bind(rendermime);
  rendermime.preferredMimeType = (bundle, safe) => {
    const found = stock(bundle, safe);
    return found === VIEW && modelOf(bundle) !== null ? FLOW : found;
  };
  const createRenderer = (): FlowOutput => new FlowOutput(stage, isLive);
  rendermime.addFactory({ safe: false, mimeTypes: [FLOW], createRenderer });
}

/** The cells of a notebook, and its registry; each has its own. */
function contentOf(panel: Widget): NotebookContent | null {
  const { content } = panel as { readonly content?: NotebookContent };
  return content !== undefined && "rendermime" in content ? content : null;
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:at-rest",
  description: "Shows the flows of a saved notebook as they were, until a kernel has them.",
  autoStart: true,
  optional: [IResources, ICurrentFlows],
  activate: (app: JupyterFrontEnd, resources: Resources | null, flows: CurrentFlows | null) => {
    app.docRegistry.addWidgetExtension("Notebook", new FlowOutputs(resources, flows));
  },
};

export default plugin;
