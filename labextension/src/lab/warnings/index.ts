// The plugin that warns of leases that are past their limits or could not be cleaned up, and that
// tells what is kept for a kernel that comes back.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import { SHOW } from "../commands/ids";
import { LeaseActions } from "../lease-actions";
import { IResources, type Resources } from "../tokens";
import { KeptNotices } from "./kept";
import { Warner } from "./warner";

const LONGEST = 140; // notifications cut off the rest

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:warnings",
  description: "Warns of resources with a problem, and tells which are kept.",
  autoStart: true,
  requires: [IResources],
  activate: (app: JupyterFrontEnd, resources: Resources) => {
    const leaseActions = new LeaseActions(resources, app.commands);
    const { sessions } = app.serviceManager;
    const kept = new KeptNotices(
      resources,
      ({ path }) => [...sessions.running()].some((one) => one.path === path && one.kernel !== null),
      (text, lease) => {
        const id = Notification.info(text, {
          autoClose: false,
          actions: [
            {
              label: "Go to its cell",
              callback: () => {
                leaseActions.open(lease);
              },
            },
            {
              label: "Clean up",
              callback: () => {
                leaseActions.cleanUp(lease);
              },
            },
          ],
        });
        return () => {
          Notification.dismiss(id);
        };
      },
    );
    sessions.runningChanged.connect(kept.look);
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
