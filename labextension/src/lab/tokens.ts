// What the plugins share.
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
  /** The path of the notebook that holds a lease; null if no notebook running here does. */
  pathOf(lease: Lease): string | null;
  /** All leases of a notebook, closed ones too; null if the server does not tell. */
  history(path: string): Promise<readonly Lease[] | null>;
  /** Where a lease is held, in words. */
  placeOf(lease: Lease): string;
  /** Why this page does not fit the server's package; "" if it does. */
  readonly difference: string;
}

export const IResources = new Token<Resources>(
  "resnb:IResources",
  "What is alive in every kernel, as the server's extension reports it.",
);

export const ICurrentFlows = new Token<CurrentFlows>(
  "resnb:ICurrentFlows",
  "The flows of the current notebook's kernel.",
);
