// Leases and lists for tests.
import type { Lease, LeaseList } from "../src/wire/server";

const OPEN: Lease = {
  id: "a",
  name: "vm",
  state: "open",
  kernel: "alive",
  pid: 1,
  notebook: "",
  session: "",
  created: 0,
  ended: null,
  ttl: null,
  idle_timeout: null,
  keep: null,
  keep_until: null,
  protected: true,
  checking: false,
  remedy: "",
  unfindable: "",
  unprotected: "",
  notice: "",
  reason: "",
  tries: 0,
  note: "",
  kernel_id: null,
  kernel_ended: null,
  path: null,
  ends_with_kernel: false,
  asked: false,
  kept: false,
  orphan: false,
  given_up: false,
};

export function lease(fields: Partial<Lease>): Lease {
  return { ...OPEN, ...fields };
}

export function list(leases: readonly Lease[], fields: Partial<LeaseList> = {}): LeaseList {
  return { version: "", now: 0, total: leases.length, error: "", ...fields, leases };
}
