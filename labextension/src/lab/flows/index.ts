// The plugin with the side panel of flows.
import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { FLOWS } from "../commands/ids";
import { ICurrentFlows } from "../tokens";
import { CurrentNotebook } from "../current-notebook";
import { CurrentFlows } from "./current-flows";
import { FlowsPanel } from "./panel";

const known: JupyterFrontEndPlugin<CurrentFlows> = {
  id: "resnb:current-flows",
  description: "Knows the flows of the current notebook.",
  autoStart: true,
  provides: ICurrentFlows,
  activate: (app: JupyterFrontEnd) => new CurrentFlows(new CurrentNotebook(app.shell)),
};

const panel: JupyterFrontEndPlugin<void> = {
  id: "resnb:flows",
  description: "Shows the flows of the current notebook beside it, live.",
  autoStart: true,
  requires: [ICurrentFlows],
  optional: [ILayoutRestorer],
  activate: (app: JupyterFrontEnd, flows: CurrentFlows, restorer: ILayoutRestorer | null) => {
    const found = new FlowsPanel(flows, () => {
      app.shell.activateById(found.id);
    });
    flows.panel = found;
    app.shell.add(found, "right", { rank: 650, type: "Flows" });
    restorer?.add(found, found.id);
    app.commands.addCommand(FLOWS, {
      label: "Show Flows",
      caption: "Show the flows of this notebook beside it",
      execute: () => {
        app.shell.activateById(found.id);
      },
    });
  },
};

export default [known, panel];
