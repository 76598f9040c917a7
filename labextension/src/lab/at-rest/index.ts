// The plugin that shows flows of saved notebooks as they were, where no kernel has them.
//
// Other outputs are unaffected: each notebook's registry chooses as before, and only where it would
// choose the widget's view of a flow, this extension's renderer takes its place.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Widget } from "@lumino/widgets";
import { FLOW, modelOf, VIEW } from "./bundle";
import { GO_TO } from "../commands/ids";
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
  private readonly stages = new Set<Stage>();

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
    this.stages.add(stage);
    panel.disposed.connect(() => {
      this.open.delete(models);
      this.stages.delete(stage);
      stage.dispose();
    });
    show(stage, excludeFlowsOnSave(context));
  }

  /** Go to the first cell of a notebook that shows a flow. */
  goTo(path: string, flow: string): void {
    for (const { cells, path: own } of this.stages) {
      if (own === path) {
        cells.goTo(cells.showing(flow));
      }
    }
  }
}

/** Open a notebook, and go to the first cell that shows a flow. */
async function goTo(app: JupyterFrontEnd, outputs: FlowOutputs, args: Target): Promise<void> {
  const { path, flow } = args;
  if (typeof path === "string") {
    await app.commands.execute("docmanager:open", { path });
    outputs.goTo(path, typeof flow === "string" ? flow : "");
  }
}

interface Target {
  readonly path?: unknown;
  readonly flow?: unknown;
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
    const outputs = new FlowOutputs(resources, flows);
    app.docRegistry.addWidgetExtension("Notebook", outputs);
    app.commands.addCommand(GO_TO, {
      label: "Go to the Cell of a Flow",
      execute: (args) => goTo(app, outputs, args),
    });
  },
};

export default plugin;
