// Says once what is kept for a notebook whose kernel has come back, and takes that back when it is
// used again or gone. Knows no DOM.
import type { Lease } from "../../wire/server";
import { minutesLeft } from "../leases/words";
import type { Resources } from "../tokens";

export class KeptNotices {
  private readonly said = new Map<string, () => void>();

  /**
   * @param hasKernel whether the notebook of a lease has a kernel here.
   * @param say shows a line about a lease; returns a function that dismisses it.
   */
  constructor(
    private readonly resources: Resources,
    private readonly hasKernel: (lease: Lease) => boolean,
    private readonly say: (text: string, lease: Lease) => () => void,
  ) {
    resources.leases.changed.connect(this.look, this);
    this.look();
  }

  dispose(): void {
    this.resources.leases.changed.disconnect(this.look, this);
  }

  /** Also to be called when kernels may have come or gone. */
  readonly look = (): void => {
    const { leases } = this.resources;
    const kept = new Map(leases.all.filter((one) => one.kept).map((one) => [one.id, one]));
    for (const [id, lease] of kept) {
      if (!this.said.has(id) && lease.kernel === "dead" && this.hasKernel(lease)) {
        this.said.set(id, this.say(keptText(lease, leases.now), lease));
      }
    }
    for (const [id, takeBack] of this.said) {
      if (!kept.has(id)) {
        this.said.delete(id);
        takeBack();
      }
    }
  };
}

/** `etl/db is kept for 29 min: run its cell to use it again`. */
export function keptText({ name, keep_until: until }: Lease, now: number): string {
  return `${name} is kept for ${minutesLeft(until ?? now, now)}: run its cell to use it again`;
}
