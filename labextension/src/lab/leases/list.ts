// Checks lists from the server: a missing field could weaken the guard, so it is an error and is never
// filled in. Pure.
import { LeaseList } from "../../wire/server";

/** The list in a message; if it is none, what is wrong with it. */
export function listIn(message: unknown): LeaseList | string {
  const fault = LeaseList(message, "");
  return fault === "" ? (message as LeaseList) : fault;
}
