// Asks before kernels with open leases end, and does what is answered. Knows no DOM.
//
// There is one question for each action, however many of the ways through here it takes: what was
// let through for a kernel is let through until the action has ended.
import type { Lease } from "../leases/lease";
import type { Leases } from "../leases/leases";
import type { Actions } from "../leases/remote";
import { atRisk, canKeep, type Answer, type Intent, type Question } from "./risk";

/** Whom it asks, and shows what it waits for. */
export interface Asker {
  ask(question: Question): Promise<Answer>;
  /** Show that so many are still being cleaned up; gives how to say so, and what ends it. */
  wait(givenUp: () => void): { left(many: number): void; close(): void };
}

export interface Rules {
  readonly isOn: boolean;
  /** For how long leases are kept, in seconds. */
  readonly keepFor: number;
  /** How long to wait for clean-ups, in seconds. */
  readonly patience: number;
}

/** What is done in the end. */
export interface Ways<T> {
  /** Nothing was to be asked. */
  free(): Promise<T>;
  /** It was asked, and is to be done without another question. */
  go(): Promise<T>;
  /** It is not to be done. */
  stay(): T;
}

export class Guard {
  private readonly passing = new Map<string, number>();
  private readonly asking = new Set<string>();

  constructor(
    private readonly leases: Leases,
    private readonly actions: Actions,
    private readonly asker: Asker,
    private readonly rules: () => Rules,
  ) {}

  /** Whether somebody may have to be asked before these kernels end. */
  watches(kernels: readonly string[]): boolean {
    const { link } = this.leases;
    const isBlind = link === "absent" || link === "refused";
    return !isBlind && this.rules().isOn && kernels.some((one) => !this.isPassing(one));
  }

  /** Do what ends kernels, having asked if need be. */
  async pass<T>(all: readonly string[], intent: Intent, ways: Ways<T>): Promise<T> {
    const kernels = all.filter((one) => !this.isPassing(one));
    if (kernels.some((one) => this.asking.has(one))) {
      return ways.stay(); // somebody is asked right now
    }
    if (!this.watches(kernels)) {
      return ways.free();
    }
    kernels.forEach((one) => this.asking.add(one));
    let isFree: boolean;
    try {
      await this.actions.refresh(); // what was opened in the last moments
      isFree = this.risk(kernels).length === 0;
      if (!isFree && !(await this.settle(kernels, intent))) {
        return ways.stay();
      }
    } finally {
      kernels.forEach((one) => this.asking.delete(one));
    }
    const release = this.letThrough(kernels);
    try {
      return await (isFree ? ways.free() : ways.go());
    } finally {
      release();
    }
  }

  /** Ask no more for these kernels until what is returned is called. */
  letThrough(kernels: readonly string[]): () => void {
    const add = (by: number): void => {
      for (const one of kernels) {
        this.passing.set(one, (this.passing.get(one) ?? 0) + by);
      }
    };
    add(1);
    return () => {
      add(-1);
    };
  }

  private risk(kernels: Iterable<string>): readonly Lease[] {
    const asked = [...kernels].filter((one) => !this.isPassing(one));
    return atRisk(this.leases.all, new Set(asked));
  }

  private isPassing(kernel: string): boolean {
    return (this.passing.get(kernel) ?? 0) > 0;
  }

  /** Ask until there is an answer that could be carried out; false if it is to stay. */
  private async settle(kernels: readonly string[], intent: Intent): Promise<boolean> {
    for (let said = ""; ;) {
      const leases = this.risk(kernels);
      if (leases.length === 0) {
        return true;
      }
      const answer = await this.asker.ask({ intent, leases, said });
      switch (answer) {
        case "cancel":
          return false;
        case "leave":
          return true;
        case "keep":
          said = await this.keep(leases);
          break;
        case "clean up":
          said = await this.cleanUp(leases);
      }
      if (said === "") {
        return true;
      }
    }
  }

  /** Keep what can be kept; gives what went wrong. */
  private async keep(leases: readonly Lease[]): Promise<string> {
    const { keepFor } = this.rules();
    return this.each(leases.filter(canKeep), ({ id }) => this.actions.keep(id, keepFor));
  }

  /** Clean up, and wait until that is done; gives what went wrong. */
  private async cleanUp(leases: readonly Lease[]): Promise<string> {
    const refused = await this.each(leases, ({ id }) => this.actions.cleanUp(id));
    if (refused !== "") {
      return refused;
    }
    await this.untilEnded(leases);
    const left = this.left(leases);
    const failed = left.filter(({ state }) => state === "failed");
    if (failed.length > 0) {
      return failed.map((one) => `${one.name} could not be cleaned up: ${one.note}`).join("\n");
    }
    return left.length === 0
      ? ""
      : `Not yet cleaned up: ${left.map(({ name }) => name).join(", ")}`;
  }

  private left(leases: readonly Lease[]): readonly Lease[] {
    const ids = new Set(leases.map(({ id }) => id));
    return this.leases.all.filter(({ id }) => ids.has(id));
  }

  /** Wait until none of these is being cleaned up, for a while, or until somebody has enough. */
  private untilEnded(leases: readonly Lease[]): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.leases.changed.disconnect(look);
        shown.close();
        resolve();
      };
      const look = (): void => {
        const pending = this.left(leases).filter(({ state }) => state !== "failed");
        shown.left(pending.length);
        if (pending.length === 0) {
          end();
        }
      };
      const shown = this.asker.wait(end);
      const timer = setTimeout(end, 1000 * this.rules().patience);
      this.leases.changed.connect(look);
      look();
    });
  }

  private async each(
    leases: readonly Lease[],
    act: (lease: Lease) => Promise<unknown>,
  ): Promise<string> {
    const done = await Promise.allSettled(leases.map(act));
    const said = done.flatMap((one, place) =>
      one.status === "rejected" ? [`${leases[place]?.name ?? ""}: ${reasonOf(one.reason)}`] : [],
    );
    return said.join("\n");
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
