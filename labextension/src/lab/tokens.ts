// What our plugins share.
import { Token } from "@lumino/coreutils";
import type { CurrentFlows } from "./flows/current-flows";
import type { Lease } from "../wire/server";
import type { Leases } from "./leases/leases";
import type { LeaseApi } from "./leases/client";
import type { Settings } from "./settings";

export interface Resources {
  readonly leases: Leases;
  readonly actions: LeaseApi;
  readonly settings: Settings;
  /** The path of the notebook that holds a lease; null if none that runs here does. */
  pathOf(lease: Lease): string | null;
  /** Where a lease is held, for people. */
  placeOf(lease: Lease): string;
  /** Why this page and the server's package do not go together; "" if they do. */
  readonly difference: string;
}

export const IResources = new Token<Resources>(
  "resnb:IResources",
  "What is alive in every kernel, as resnb's part of the server tells it.",
);

export const ICurrentFlows = new Token<CurrentFlows>(
  "resnb:ICurrentFlows",
  "The flows of the current notebook's kernel.",
);
