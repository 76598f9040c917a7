// The plugin that lists what is alive in the Running panel.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import {
  IRunningSessionManagers,
  IRunningSessionSidebar,
  type RunningSessions,
} from "@jupyterlab/running";
import { Deeds } from "../acts";
import { IResources, type Resources } from "../tokens";
import { Items } from "./items";
import { Section } from "./section";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "resnb:running",
  description: "Lists what is alive in the Running panel.",
  autoStart: true,
  requires: [IResources],
  optional: [IRunningSessionSidebar, IRunningSessionManagers],
  activate: (
    app: JupyterFrontEnd,
    resources: Resources,
    sidebar: IRunningSessionSidebar | null,
    managers: IRunningSessionManagers | null,
  ) => {
    const deeds = new Deeds(resources, app.commands);
    if (isPanel(sidebar)) {
      sidebar.insertWidget(0, new Section(resources, deeds));
    } else {
      managers?.add(new Items(resources, deeds));
    }
  },
};

function isPanel(
  sidebar: IRunningSessionSidebar | null,
): sidebar is IRunningSessionSidebar & RunningSessions {
  return sidebar !== null && "insertWidget" in sidebar;
}

export default plugin;
