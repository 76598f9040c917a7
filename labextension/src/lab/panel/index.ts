// The plugin that lists in the Running panel what is alive.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import {
  IRunningSessionManagers,
  IRunningSessionSidebar,
  type RunningSessions,
} from "@jupyterlab/running";
import type { AccordionPanel, Panel } from "@lumino/widgets";
import { LeaseActions } from "../lease-actions";
import { SHOW } from "../commands/ids";
import { IResources, type Resources } from "../tokens";
import { Items } from "./running-items";
import { makeRoom } from "./resize";
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
    const leaseActions = new LeaseActions(resources, app.commands);
    if (isPanel(sidebar)) {
      const section = new Section(resources, leaseActions);
      sidebar.insertWidget(0, section);
      app.commands.commandExecuted.connect((_, { id }) => {
        if (id === SHOW && isAccordion(sidebar.content)) {
          makeRoom(sidebar.content, section, section.wanted);
        }
      });
    } else {
      managers?.add(new Items(resources, leaseActions));
    }
  },
};

function isPanel(
  sidebar: IRunningSessionSidebar | null,
): sidebar is IRunningSessionSidebar & RunningSessions {
  return sidebar !== null && "insertWidget" in sidebar;
}

function isAccordion(content: Panel): content is AccordionPanel {
  return "setRelativeSizes" in content && "expand" in content;
}

export default plugin;
