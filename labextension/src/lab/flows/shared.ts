// The flows of each kernel, read once however many parts of the page show them. Knows no DOM.
import type { Kernel } from "@jupyterlab/services";
import { KernelFlows } from "./kernel-flows";

const users = new WeakMap<KernelFlows, number>();
const known = new WeakMap<Kernel.IKernelConnection, KernelFlows>();

/** The flows of a kernel, until as many calls of `leaveFlows` as of this. */
export function useFlows(kernel: Kernel.IKernelConnection): KernelFlows {
  let found = known.get(kernel);
  if (found === undefined || found.isDisposed) {
    found = new KernelFlows(kernel);
    known.set(kernel, found);
  }
  users.set(found, (users.get(found) ?? 0) + 1);
  return found;
}

export function leaveFlows(flows: KernelFlows): void {
  const left = (users.get(flows) ?? 1) - 1;
  users.set(flows, left);
  if (left === 0) {
    flows.dispose();
  }
}
