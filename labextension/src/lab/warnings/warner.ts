// Warns once about each lease with a problem, and dismisses the warning when the problem is over.
// Knows no DOM.
import type { Resources } from "../tokens";

/** How often limits are checked: no message says that time has passed. */
const EVERY = 30_000; // milliseconds

export class Warner {
  private readonly said = new Map<string, () => void>();
  private readonly clock: ReturnType<typeof setInterval>;
  private saidDifference = "";

  /** @param warn shows a line; returns a function that dismisses it. */
  constructor(
    private readonly resources: Resources,
    private readonly warn: (text: string) => () => void,
  ) {
    resources.leases.changed.connect(this.look, this);
    resources.settings.changed.connect(this.look, this);
    this.clock = setInterval(() => {
      this.look();
    }, EVERY);
    this.look();
  }

  dispose(): void {
    clearInterval(this.clock);
    this.resources.leases.changed.disconnect(this.look, this);
    this.resources.settings.changed.disconnect(this.look, this);
  }

  private readonly look = (): void => {
    const { leases, settings, difference } = this.resources;
    if (difference !== this.saidDifference) {
      this.saidDifference = difference;
      if (difference !== "") {
        this.warn(difference);
      }
    }
    if (!settings.values.warn) {
      return;
    }
    const { troubles } = leases;
    for (const [id, text] of troubles) {
      if (!this.said.has(id)) {
        this.said.set(id, this.warn(text));
      }
    }
    for (const [id, takeBack] of this.said) {
      const lease = leases.find(id);
      const isTriedAgain = lease !== undefined && (lease.asked || lease.state === "closing");
      if (!troubles.has(id) && !isTriedAgain) {
        this.said.delete(id); // so that it is warned about again if it goes wrong again
        takeBack();
      }
    }
  };
}
