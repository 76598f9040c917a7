// The event by which a view asks the page around it to bring a command to the kernel.
import type { Command } from "../wire/commands";

export const RELAY = "resnb-relay";

/** Call `send` with the commands of the views inside `node`, until `signal` aborts. */
export function relayFrom(
  node: EventTarget,
  send: (command: Command) => boolean,
  signal?: AbortSignal,
): void {
  const relay = (event: Event): void => {
    if (event instanceof CustomEvent && send(event.detail as Command)) {
      event.preventDefault();
    }
  };
  node.addEventListener(RELAY, relay, signal === undefined ? {} : { signal });
}
