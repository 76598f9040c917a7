// Lists as they come from the server, checked: a lease with a field that is missing would weaken the
// guard, so that is said, never guessed at. Pure.
import { LeaseList } from "../../wire/server";

/** The list in a message; if it is none, what is wrong with it. */
export function listIn(message: unknown): LeaseList | string {
  const fault = LeaseList(message, "");
  return fault === "" ? (message as LeaseList) : fault;
}
