// Says once of each thing that is wrong with a lease. Knows no DOM.
import type { Resources } from "../tokens";

/** How often limits are looked at: nobody tells of time that passes. */
const EVERY = 30_000; // milliseconds

export class Warner {
  private readonly said = new Map<string, string>();
  private readonly clock: ReturnType<typeof setInterval>;
  private saidDifference = "";

  /** @param warn shows a line. */
  constructor(
    private readonly resources: Resources,
    private readonly warn: (text: string) => void,
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
        this.warn(text);
        this.said.set(id, text);
      }
    }
    for (const id of this.said.keys()) {
      if (!troubles.has(id)) {
        this.said.delete(id); // it is said again if it goes wrong again
      }
    }
  };
}
