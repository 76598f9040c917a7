// The plugin that knows what is alive; the others show it and act on it.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { ServiceManager } from "@jupyterlab/services";
import { version } from "../../../package.json";
import type { Lease } from "../wire/server";
import { Leases } from "./leases/leases";
import { LeaseClient } from "./leases/client";
import { Stream } from "./leases/stream";
import { difference } from "./leases/version";
import { Settings } from "./settings";
import { IResources, type Resources } from "./tokens";

const ID = "resnb:resources";

class Known implements Resources {
  readonly leases = new Leases(() => performance.now() / 1000);
  readonly settings = new Settings();
  readonly actions: LeaseClient;

  constructor(private readonly services: ServiceManager.IManager) {
    this.actions = new LeaseClient(services.serverSettings, (list) => {
      this.leases.refreshed(list);
    });
    const stream = new Stream(
      this.actions,
      (list) => {
        this.leases.received(list);
      },
      (link) => {
        this.leases.linked(link);
      },
    );
    const hurry = (): void => {
      stream.hurry();
    };
    addEventListener("online", hurry);
    services.sessions.runningChanged.connect(hurry); // JupyterLab has heard from the server
    addEventListener("pagehide", (event) => {
      if (!event.persisted) {
        stream.dispose();
      }
    });
  }

  get difference(): string {
    const { fault, list } = this.leases;
    return fault === ""
      ? difference(version, list.version)
      : `This page cannot read what the server says of resources (${fault}): reload the page; if that does not help, install resnb again.`;
  }

  pathOf({ kernel_id: id, path: written }: Lease): string | null {
    if (id === null) {
      return written; // its kernel has ended
    }
    for (const { kernel, path, type } of this.services.sessions.running()) {
      if (kernel?.id === id && type === "notebook") {
        return path;
      }
    }
    return written;
  }

  history(path: string): Promise<readonly Lease[] | null> {
    return this.actions.history(path);
  }

  placeOf(lease: Lease): string {
    return this.pathOf(lease) ?? lease.notebook;
  }
}

const plugin: JupyterFrontEndPlugin<Resources> = {
  id: ID,
  description: "Knows what is alive in every kernel.",
  autoStart: true,
  provides: IResources,
  optional: [ISettingRegistry],
  activate: (app: JupyterFrontEnd, registry: ISettingRegistry | null) => {
    const known = new Known(app.serviceManager);
    const { settings } = known;
    void registry?.load(ID).then((loaded) => {
      const take = (): void => {
        settings.set(loaded.composite);
      };
      loaded.changed.connect(take);
      take();
    }, console.error);
    return known;
  },
};

export default plugin;
