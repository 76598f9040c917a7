// The same list for pages whose Running panel takes only plain items: Notebook 7's.
import type { IRunningSessions } from "@jupyterlab/running";
import { Signal } from "@lumino/signaling";
import type { LeaseActions } from "../lease-actions";
import { resourcesIcon } from "../icons";
import type { Lease } from "../../wire/server";
import { age, counted, fate, standing, stateWord } from "../leases/words";
import type { Resources } from "../tokens";

/** The most that are listed: each is a heavy element there. */
const MOST = 100;

export class Items implements IRunningSessions.IManager {
  readonly name = "Resources";
  readonly shutdownLabel = "Clean Up";
  readonly shutdownAllLabel = "Clean Up All";
  readonly supportsMultipleViews = false;
  readonly runningChanged = new Signal<this, void>(this);

  constructor(
    private readonly resources: Resources,
    private readonly leaseActions: LeaseActions,
  ) {
    resources.leases.changed.connect(this.tell, this);
  }

  get shutdownAllConfirmationText(): string {
    return `What runs with them is ended: ${counted(this.resources.leases.all.length)}.`;
  }

  running(): IRunningSessions.IRunningItem[] {
    return this.resources.leases.all.slice(0, MOST).map((one) => this.item(one));
  }

  shutdownAll(): void {
    const all = this.resources.leases.all.filter(({ state }) => state !== "damaged");
    all.forEach((one) => {
      this.leaseActions.cleanUp(one);
    });
  }

  refreshRunning(): void {
    void this.resources.actions.refresh();
  }

  dispose(): void {
    this.resources.leases.changed.disconnect(this.tell, this);
    Signal.clearData(this);
  }

  private readonly tell = (): void => {
    this.runningChanged.emit();
  };

  private item(lease: Lease): IRunningSessions.IRunningItem {
    const { leases } = this.resources;
    const place = this.resources.placeOf(lease);
    return {
      icon: () => resourcesIcon,
      label: () => `${lease.name} (${stateWord(lease)}) in ${place}`,
      labelTitle: () => `${lease.name}\n${fate(lease)}`,
      detail: () => `${age(lease, leases.now)}, ${standing(lease).word}`,
      open: () => {
        this.leaseActions.open(lease);
      },
      shutdown: () => {
        this.leaseActions.cleanUp(lease);
      },
    };
  }
}
