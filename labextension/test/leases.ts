// Leases and lists for tests.
import { listIn, type Lease, type LeaseList } from "../src/lab/leases/lease";

const OPEN = { id: "a", name: "vm", state: "open", kernel: "alive", protected: true };

export function lease(fields: Partial<Lease>): Lease {
  const found = listIn({ leases: [{ ...OPEN, ...fields }] })?.leases[0];
  if (found === undefined) {
    throw new Error("no lease");
  }
  return found;
}

export function list(leases: readonly Lease[], fields: Partial<LeaseList> = {}): LeaseList {
  return { version: "", now: 0, total: leases.length, error: "", ...fields, leases };
}
