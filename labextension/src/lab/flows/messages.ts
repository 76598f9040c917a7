// Finds flows in comm messages and in cells. Pure.

import { MODEL_PREFIX } from "../../wire/vocabulary";

export type CommNews =
  | { readonly is: "closed"; readonly id: string }
  | { readonly is: "opened" | "rested"; readonly id: string; readonly rest: unknown }
  | { readonly is: "told"; readonly id: string; readonly message: unknown };

/** What a message from the kernel means for a flow; null if it is about something else. */
export function commNewsIn(type: string, content: unknown): CommNews | null {
  const { comm_id: id, data } = (content ?? {}) as {
    readonly comm_id?: unknown;
    readonly data?: unknown;
  };
  if (typeof id !== "string" || !id.startsWith(MODEL_PREFIX)) {
    return null;
  }
  switch (type) {
    case "comm_open":
      return { is: "opened", id, rest: restIn(data) };
    case "comm_close":
      return { is: "closed", id };
    case "comm_msg": {
      const { method, content: message } = (data ?? {}) as {
        readonly method?: unknown;
        readonly content?: unknown;
      };
      if (method === "custom") {
        return { is: "told", id, message };
      }
      const rest = restIn(data);
      return rest === undefined ? null : { is: "rested", id, rest };
    }
    default:
      return null;
  }
}

/** The frames for new views, if a message about a model's state has them. */
function restIn(data: unknown): unknown {
  const { state } = (data ?? {}) as { readonly state?: { readonly rest?: unknown } };
  return state?.rest;
}

/** The ids of flows among those of all comms that a kernel has. */
export function flowIds(comms: object): readonly string[] {
  return Object.keys(comms).filter((id) => id.startsWith(MODEL_PREFIX));
}

/** The name of the flow that a cell is about; "" if it is about none. */
export function flowNameIn(source: string): string {
  const head = /^\s*%%?flow[ \t]+(?:(?:run|plan|cancel|close|timeline)[ \t]+)?([^\s(]+)/.exec(
    source,
  );
  return head?.[1] ?? "";
}
