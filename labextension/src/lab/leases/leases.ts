// What is alive in every kernel, according to the server's latest list. Knows no DOM.
import { Signal } from "@lumino/signaling";
import type { Lease, LeaseList } from "../../wire/server";
import { trouble } from "./words";

/** Whether the server can be reached; or it has no resnb, or does not show it to this user. */
export type Link = "connecting" | "live" | "lost" | "absent" | "refused";

const NONE: LeaseList = { version: "", now: 0, leases: [], total: 0, error: "" };

export class Leases {
  /** The list or the link has changed. */
  readonly changed = new Signal<this, void>(this);
  private current = NONE;
  private currentLink: Link = "connecting";
  private currentFault = "";
  private heardAt = 0;

  /** @param clock seconds since some fixed time. */
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

  /** The leases with a problem, and the problem in words. */
  get troubles(): ReadonlyMap<string, string> {
    const { now } = this;
    const found = this.all.map((one) => [one.id, trouble(one, now)] as const);
    return new Map(found.filter(([, text]) => text !== ""));
  }

  /** What is wrong with the server's latest message; "" if nothing is. */
  get fault(): string {
    return this.currentFault;
  }

  /** Take a list, or what is wrong with a message that is none; the list before stays then. */
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

  /** Take a list that was asked for, unless the stream has brought a later one meanwhile. */
  refreshed(list: LeaseList | string): void {
    if (typeof list === "string" || list.now >= this.current.now) {
      this.received(list);
    }
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
