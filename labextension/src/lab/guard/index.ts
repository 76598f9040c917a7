// The plugin that asks before a kernel with open leases ends.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ISessionContextDialogs } from "@jupyterlab/apputils";
import { IRunningSessionManagers } from "@jupyterlab/running";
import { IResources, type Resources } from "../tokens";
import { guardCommands } from "./commands";
import { Dialogs } from "./dialogs";
import { Guard } from "./guard";
import { guardPanels } from "./panels";
import { guardServices } from "./services";
import { guardShutDownAll } from "./shut-down-all";
import { guardDialogs } from "./session-context";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:guard",
  description: "Asks what to do with open resources before their kernel ends.",
  autoStart: true,
  requires: [IResources],
  optional: [ISessionContextDialogs, IRunningSessionManagers],
  activate: (
    app: JupyterFrontEnd,
    resources: Resources,
    dialogs: ISessionContextDialogs | null,
    managers: IRunningSessionManagers | null,
  ) => {
    const { leases, actions, settings } = resources;
    const keepFor = (): number => 60 * settings.values.keepMinutes;
    const asker = new Dialogs(
      () => leases.now,
      (lease) => resources.placeOf(lease),
      keepFor,
    );
    const guard = new Guard(leases, actions, asker, () => {
      const { ask, patience } = settings.values;
      return { isOn: ask, keepFor: keepFor(), patience };
    });
    if (dialogs !== null) {
      guardDialogs(guard, dialogs);
    }
    guardServices(guard, app.serviceManager);
    guardPanels(guard, app.shell);
    guardCommands(guard, app);
    if (managers !== null) {
      guardShutDownAll(guard, managers, app.serviceManager.kernels);
    }
  },
};

export default plugin;
