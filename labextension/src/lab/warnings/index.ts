// The plugin that warns of leases that are past their limits or could not be cleaned up.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import { SHOW } from "../commands/ids";
import { IResources, type Resources } from "../tokens";
import { Warner } from "./warner";

const LONGEST = 140; // notifications cut off the rest

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:warnings",
  description: "Warns of resources that are past their limits or could not be cleaned up.",
  autoStart: true,
  requires: [IResources],
  activate: (app: JupyterFrontEnd, resources: Resources) => {
    new Warner(resources, (text) => {
      const line = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
      const show = { label: "Show", callback: () => void app.commands.execute(SHOW) };
      const id = Notification.warning(line, { autoClose: false, actions: [show] });
      return () => {
        Notification.dismiss(id);
      };
    });
  },
};

export default plugin;
