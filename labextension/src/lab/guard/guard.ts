// Asks before kernels with open leases end. Knows no DOM.
//
// There is one question for each action, however often the action passes through here: after an
// answer, its kernel is let through until the action has ended. Actions that begin at the same time
// for several kernels (closing all tabs) share one question.
import type { Lease } from "../../wire/server";
import type { Leases } from "../leases/leases";
import type { LeaseApi } from "../leases/client";
import { atRisk, type Intent } from "./risk";
import { Settlement, type Asker, type Rules } from "./settlement";

/** What to do after the answer. */
export interface Continuation<T> {
  /** Do it, without another question. */
  go(): Promise<T>;
  /** Do not do it. */
  stay(): T;
  /** There was nothing to ask: do it with its own question, if it has one; kernels are not let through. */
  free?(): Promise<T>;
}

export interface Consent {
  readonly verdict: "free" | "go" | "stay";
  /** The leases that were asked about. */
  readonly leases: ReadonlySet<string>;
}

/** Actions that began at the same time and share one question. */
interface Round {
  readonly intent: Intent;
  /** The kernels of each thing that is about to end. */
  readonly things: (readonly string[])[];
  outcome: Promise<Outcome>;
}

interface Outcome {
  readonly risky: ReadonlySet<string>;
  /** The leases that were asked about; null if everything is to stay as it is. */
  readonly about: ReadonlySet<string> | null;
}

const NONE: ReadonlySet<string> = new Set();
const FREE: Consent = { verdict: "free", leases: NONE };
const STAY: Consent = { verdict: "stay", leases: NONE };

export class Guard {
  private readonly passing = new Map<string, number>();
  private readonly asking = new Map<string, Round>();
  private readonly begun = new Map<Intent, Round>();
  private readonly settlement: Settlement;

  constructor(
    private readonly leases: Leases,
    private readonly actions: LeaseApi,
    asker: Asker,
    private readonly rules: () => Rules,
  ) {
    this.settlement = new Settlement(leases, actions, asker, rules);
  }

  /** Whether the user may have to be asked before these kernels end. */
  watches(kernels: readonly string[]): boolean {
    const { link } = this.leases;
    const isBlind = link === "absent" || link === "refused";
    return !isBlind && this.rules().isOn && kernels.some((one) => !this.isPassing(one));
  }

  /** Do something that ends kernels, after a question if one is needed. */
  async pass<T>(all: readonly string[], intent: Intent, ways: Continuation<T>): Promise<T> {
    if (!this.watches(all)) {
      return (ways.free ?? ways.go)();
    }
    const kernels = all.filter((one) => !this.isPassing(one));
    const { verdict } = await this.consent(kernels, intent);
    if (verdict === "stay") {
      return ways.stay();
    }
    if (verdict === "free" && ways.free !== undefined) {
      return ways.free();
    }
    const release = this.letThrough(kernels);
    try {
      return await ways.go();
    } finally {
      release();
    }
  }

  /** Ask whether something that ends kernels may be done, if a question is needed. */
  async consent(all: readonly string[], intent: Intent): Promise<Consent> {
    if (!this.watches(all)) {
      return FREE;
    }
    const kernels = all.filter((one) => !this.isPassing(one));
    const round = this.join(kernels, intent);
    if (round === null) {
      return STAY;
    }
    const { risky, about } = await round.outcome;
    if (!kernels.some((one) => risky.has(one))) {
      return FREE;
    }
    return about === null ? STAY : { verdict: "go", leases: about };
  }

  /** Whether nothing is open, as far as is known, except what was asked about. */
  covers({ leases }: Consent, kernels: readonly string[]): boolean {
    return this.risk(kernels).every(({ id }) => leases.has(id));
  }

  /** Let these kernels through until the returned function is called. */
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

  /** The round that asks about these kernels; null if a question about one is already open. */
  private join(kernels: readonly string[], intent: Intent): Round | null {
    const others = new Set(kernels.flatMap((one) => this.asking.get(one) ?? []));
    let round = this.begun.get(intent);
    if ([...others].some((one) => one !== round || !intent.canOverlap)) {
      return null;
    }
    if (round === undefined) {
      round = { intent, things: [], outcome: Promise.resolve({ risky: NONE, about: NONE }) };
      this.begun.set(intent, round);
      round.outcome = this.ask(round);
    }
    round.things.push(kernels);
    for (const one of kernels) {
      this.asking.set(one, round);
    }
    return round;
  }

  private async ask({ intent, things }: Round): Promise<Outcome> {
    try {
      await this.actions.refresh(); // something may have been opened just now
      this.begun.delete(intent);
      const kernels = things.flat();
      const risky = new Set(this.risk(kernels).flatMap((one) => one.kernel_id ?? []));
      const many = things.filter((one) => one.some((kernel) => risky.has(kernel))).length;
      const about = await this.settlement.settle(() => this.risk(kernels), intent, many);
      return { risky, about };
    } finally {
      this.begun.delete(intent);
      for (const one of things.flat()) {
        this.asking.delete(one);
      }
    }
  }

  private risk(kernels: readonly string[]): readonly Lease[] {
    const asked = kernels.filter((one) => !this.isPassing(one));
    return atRisk(this.leases.all, new Set(asked));
  }

  private isPassing(kernel: string): boolean {
    return (this.passing.get(kernel) ?? 0) > 0;
  }
}
