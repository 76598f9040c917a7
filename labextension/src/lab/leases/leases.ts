// What is alive in every kernel, as of the server's latest word. Knows no DOM.
import { Signal } from "@lumino/signaling";
import type { Lease, LeaseList } from "../../wire/server";
import { trouble } from "./words";

/** How the server is reached: not yet, now, not any more; or it has no part of resnb's. */
export type Link = "connecting" | "live" | "lost" | "absent" | "refused";

const NONE: LeaseList = { version: "", now: 0, leases: [], total: 0, error: "" };

export class Leases {
  /** There is another list, or another link. */
  readonly changed = new Signal<this, void>(this);
  private current = NONE;
  private currentLink: Link = "connecting";
  private currentFault = "";
  private heardAt = 0;

  /** @param clock seconds since any time. */
  constructor(private readonly clock: () => number) {}

  get list(): LeaseList {
    return this.current;
  }

  get all(): readonly Lease[] {
    return this.current.leases;
  }

  get link(): Link {
    return this.currentLink;
  }

  /** The server's clock, in seconds since the epoch. */
  get now(): number {
    return this.current.now + (this.clock() - this.heardAt);
  }

  ofKernel(kernel: string): readonly Lease[] {
    return this.all.filter((one) => one.kernel_id === kernel);
  }

  find(id: string): Lease | undefined {
    return this.all.find((one) => one.id === id);
  }

  /** Those of which something is to be said, with what. */
  get troubles(): ReadonlyMap<string, string> {
    const { now } = this;
    const found = this.all.map((one) => [one.id, trouble(one, now)] as const);
    return new Map(found.filter(([, text]) => text !== ""));
  }

  /** What is wrong with the server's latest message; "" if nothing is. */
  get fault(): string {
    return this.currentFault;
  }

  /** Take a list; if a message was none, what is wrong with it: what was known stays known. */
  received(list: LeaseList | string): void {
    if (typeof list === "string") {
      this.currentFault = list;
    } else {
      this.currentFault = "";
      this.current = list;
      this.heardAt = this.clock();
    }
    this.currentLink = "live";
    this.changed.emit();
  }

  linked(link: Link): void {
    if (link !== this.currentLink) {
      this.currentLink = link;
      this.changed.emit();
    }
  }

  dispose(): void {
    Signal.clearData(this);
  }
}
