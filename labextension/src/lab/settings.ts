// The settings; see schema/resources.json. Knows no DOM.
import { Signal } from "@lumino/signaling";

export interface Values {
  /** Whether to ask before a kernel with open leases ends. */
  readonly ask: boolean;
  /** Whether to warn when something is wrong with a lease. */
  readonly warn: boolean;
  /** How long a lease is kept, in minutes. */
  readonly keepMinutes: number;
  /** How long to wait for clean-ups after a question, in seconds. */
  readonly patience: number;
}

export const DEFAULTS: Values = { ask: true, warn: true, keepMinutes: 30, patience: 60 };

export class Settings {
  readonly changed = new Signal<this, void>(this);
  private current = DEFAULTS;

  get values(): Values {
    return this.current;
  }

  /** Take the settings; one of the wrong type counts as not set. */
  set(found: Readonly<Record<string, unknown>>): void {
    const { ask, warn, keepMinutes, patience } = found;
    this.current = {
      ask: typeof ask === "boolean" ? ask : DEFAULTS.ask,
      warn: typeof warn === "boolean" ? warn : DEFAULTS.warn,
      keepMinutes: positive(keepMinutes, DEFAULTS.keepMinutes),
      patience: positive(patience, DEFAULTS.patience),
    };
    this.changed.emit();
  }

  dispose(): void {
    Signal.clearData(this);
  }
}

function positive(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : otherwise;
}
