// What the buttons do about leases: the server does it, a notification says if that fails.
import { Dialog, Notification, showDialog } from "@jupyterlab/apputils";
import type { CommandRegistry } from "@lumino/commands";
import type { Lease } from "../wire/server";
import { GO_TO } from "./commands/ids";
import { counted } from "./leases/words";
import type { RowActions } from "./panel/lease-row";
import type { Resources } from "./tokens";

const NAMED = 8; // leases that a question lists

export class LeaseActions implements RowActions {
  constructor(
    private readonly resources: Resources,
    private readonly commands: CommandRegistry,
  ) {}

  open(lease: Lease): void {
    const path = this.resources.pathOf(lease);
    if (path !== null) {
      const [flow = ""] = lease.name.split("/");
      void this.commands.execute(GO_TO, { path, flow });
    }
  }

  cleanUp(lease: Lease): void {
    this.report(this.resources.actions.cleanUp(lease.id), `${lease.name} is not cleaned up`);
  }

  keep(lease: Lease): void {
    const seconds = 60 * this.resources.settings.values.keepMinutes;
    this.report(this.resources.actions.keep(lease.id, seconds), `${lease.name} is not kept`);
  }

  /** Clean up several leases, after a question. */
  async cleanUpAll(all: readonly Lease[]): Promise<void> {
    const leases = all.filter(({ state }) => state !== "damaged");
    if (leases.length === 0) {
      Notification.info("No resources are open here.", { autoClose: 3000 });
      return;
    }
    const names = leases.slice(0, NAMED).map(({ name }) => name);
    const more = leases.length > NAMED ? `, and ${leases.length - NAMED} more` : "";
    const { button } = await showDialog({
      title: `Clean up ${counted(leases.length)}?`,
      body: `What runs with them is ended: ${names.join(", ")}${more}.`,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Clean up" })],
    });
    if (button.accept) {
      leases.forEach((one) => {
        this.cleanUp(one);
      });
    }
  }

  private report(done: Promise<void>, what: string): void {
    done.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      Notification.error(`${what}: ${why}`, { autoClose: 8000 });
    });
  }
}
