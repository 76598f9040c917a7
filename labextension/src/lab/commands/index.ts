// The plugin with the commands, for the palette and the notebook's toolbar (see the schema).
import {
  ILabShell,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { Dialog, ICommandPalette, Notification, showDialog } from "@jupyterlab/apputils";
import type { LabIcon } from "@jupyterlab/ui-components";
import type { ReadonlyPartialJSONObject } from "@lumino/coreutils";
import { Widget } from "@lumino/widgets";
import { html } from "../../widget/dom";
import { LeaseActions } from "../lease-actions";
import type { CurrentFlows } from "../flows/current-flows";
import { runFlow } from "../flows/run-flow";
import { flowNameIn } from "../flows/messages";
import { cleanUpIcon, planIcon, runFlowIcon } from "../icons";
import { ICurrentFlows, IResources, type Resources } from "../tokens";
import { CLEAN_UP, FLOWS, PLAN, RUN, SHOW } from "./ids";
import { planOf } from "./plan";

/** The palette looks for words in it, too. */
const CATEGORY = "Resources and Flows (resnb)";
const RUNNING_PANEL = "jp-running-sessions";
const NO_FLOW = "This cell is about no flow: choose one that begins with %%flow or %flow.";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:commands",
  description: "Runs, plans and cleans up by command.",
  autoStart: true,
  requires: [IResources, ICurrentFlows],
  optional: [ICommandPalette, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    resources: Resources,
    flows: CurrentFlows,
    palette: ICommandPalette | null,
    lab: ILabShell | null,
  ) => {
    const { commands } = app;
    const leaseActions = new LeaseActions(resources, commands);
    const { current } = flows;
    const here = () => resources.leases.ofKernel(current.kernel?.id ?? "");
    const isUsed = (): boolean => flows.any || here().length > 0;
    const name = (): string => flowNameIn(current.source);

    const add = (id: string, options: Parameters<typeof commands.addCommand>[1]): void => {
      commands.addCommand(id, options);
      palette?.addItem({ command: id, category: CATEGORY });
    };
    if (lab !== null) {
      add(SHOW, {
        label: "Show Resources",
        caption: "Show what is open in every kernel",
        execute: () => {
          app.shell.activateById(RUNNING_PANEL);
        },
      });
    }
    add(RUN, {
      label: (args) => (args["toolbar"] === true ? "" : "Run the Flow of This Cell"),
      caption: "Run the flow of this cell",
      icon: inToolbar(runFlowIcon),
      isVisible: isUsed,
      isEnabled: () => flows.any,
      execute: async () => {
        const said = await run(flows, name());
        if (said !== "") {
          Notification.warning(said, { autoClose: 8000 });
        }
      },
    });
    add(PLAN, {
      label: (args) => (args["toolbar"] === true ? "" : "Show the Plan of This Cell's Flow"),
      caption: "Show in which order the flow of this cell sets up and cleans up",
      icon: inToolbar(planIcon),
      isVisible: isUsed,
      isEnabled: () => flows.any,
      execute: () => showPlan(flows, name()),
    });
    add(CLEAN_UP, {
      label: (args) => (args["toolbar"] === true ? "" : "Clean Up the Resources of This Notebook…"),
      caption: "Clean up the resources of this notebook",
      icon: inToolbar(cleanUpIcon),
      isVisible: isUsed,
      isEnabled: () => here().length > 0,
      execute: () => leaseActions.cleanUpAll(here()),
    });
    palette?.addItem({ command: FLOWS, category: CATEGORY });

    let known = "";
    const look = (): void => {
      const now = `${isUsed()} ${flows.any} ${here().length > 0}`;
      if (now !== known) {
        known = now;
        [RUN, PLAN, CLEAN_UP].forEach((id) => {
          commands.notifyCommandChanged(id);
        });
      }
    };
    flows.changed.connect(look);
    resources.leases.changed.connect(look);
  },
};

/** An icon for buttons only: the palette shows words, as for JupyterLab's own commands. */
function inToolbar(icon: LabIcon): (args: ReadonlyPartialJSONObject) => LabIcon | undefined {
  return (args) => (args["toolbar"] === true ? icon : undefined);
}

async function run(current: CurrentFlows, name: string): Promise<string> {
  if (name === "") {
    return NO_FLOW;
  }
  const { flows } = current;
  return flows === null ? "The notebook has no kernel." : runFlow(flows, name);
}

async function showPlan(flows: CurrentFlows, name: string): Promise<void> {
  const { kernel } = flows.current;
  if (name === "" || kernel === null) {
    Notification.warning(name === "" ? NO_FLOW : "The notebook has no kernel.", {
      autoClose: 8000,
    });
    return;
  }
  const { text, isError } = await planOf(kernel, name);
  const body = new Widget({ node: html("div", {}, html("pre", { class: "resnb-plan" }, text)) });
  await showDialog({
    title: isError ? `No plan of ${name}` : `Plan of ${name}`,
    body,
    buttons: [Dialog.okButton({ label: "Close" })],
  });
}

export default plugin;
