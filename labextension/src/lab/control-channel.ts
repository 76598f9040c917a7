// Sends commands on a kernel's control channel, which it reads while a cell is running.
import { KernelMessage, type Kernel } from "@jupyterlab/services";
import type { Command } from "../wire/commands";
import { COMMAND_MESSAGE } from "../wire/vocabulary";

/** Send a command to the model of a flow; returns whether there is a kernel to send it to. */
export function sendOnControl(
  kernel: Kernel.IKernelConnection | null,
  model: string,
  command: Command,
): boolean {
  if (kernel === null || kernel.isDisposed || kernel.connectionStatus !== "connected") {
    return false;
  }
  const message = KernelMessage.createMessage({
    // not one of Jupyter's own types, but the channel takes any
    msgType: COMMAND_MESSAGE as "interrupt_request",
    channel: "control",
    username: kernel.username,
    session: kernel.clientId,
    content: { model, command } as object as Record<string, never>,
  });
  kernel.sendControlMessage(message, false, true);
  return true;
}
