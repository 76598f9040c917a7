// Asks what to do with open leases, and does it. Knows no DOM.
import type { Lease } from "../../wire/server";
import type { Leases } from "../leases/leases";
import type { LeaseApi } from "../leases/client";
import { canKeep, type Answer, type Intent, type Question } from "./risk";

/** Asks the user, and shows what is being waited for. */
export interface Asker {
  ask(question: Question): Promise<Answer>;
  /** Show how many are still being cleaned up; returns how to update and to close it. */
  wait(givenUp: () => void): { left(many: number): void; close(): void };
}

export interface Rules {
  readonly isOn: boolean;
  /** How long leases are kept, in seconds. */
  readonly keepFor: number;
  /** How long to wait for clean-ups, in seconds. */
  readonly patience: number;
}

export class Settlement {
  constructor(
    private readonly leases: Leases,
    private readonly actions: LeaseApi,
    private readonly asker: Asker,
    private readonly rules: () => Rules,
  ) {}

  /**
   * Ask until there is an answer that could be carried out.
   *
   * @param atRisk returns the leases that are at risk now.
   * @param many how many things are about to end.
   * @returns the leases that were asked about; null if everything is to stay as it is.
   */
  async settle(
    atRisk: () => readonly Lease[],
    intent: Intent,
    many: number,
  ): Promise<ReadonlySet<string> | null> {
    const about = new Set<string>();
    for (let said = ""; ;) {
      const leases = atRisk();
      if (leases.length === 0) {
        return about;
      }
      leases.forEach(({ id }) => about.add(id));
      const answer = await this.asker.ask({ intent, many, leases, said });
      switch (answer) {
        case "cancel":
          return null;
        case "leave":
          return about;
        case "keep":
          said = await this.keep(leases);
          break;
        case "clean up":
          said = await this.cleanUp(leases);
      }
      if (said === "") {
        return about;
      }
    }
  }

  /** Keep what can be kept; returns what went wrong. */
  private async keep(leases: readonly Lease[]): Promise<string> {
    const { keepFor } = this.rules();
    return each(leases.filter(canKeep), ({ id }) => this.actions.keep(id, keepFor));
  }

  /** Clean up, and wait until that is done; returns what went wrong. */
  private async cleanUp(leases: readonly Lease[]): Promise<string> {
    const refused = await each(leases, ({ id }) => this.actions.cleanUp(id));
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

  /** Wait until none of these is being cleaned up, up to a limit, or until the user gives up. */
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
}

async function each(
  leases: readonly Lease[],
  act: (lease: Lease) => Promise<unknown>,
): Promise<string> {
  const done = await Promise.allSettled(leases.map(act));
  const said = done.flatMap((one, place) =>
    one.status === "rejected" ? [`${leases[place]?.name ?? ""}: ${reasonOf(one.reason)}`] : [],
  );
  return said.join("\n");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
