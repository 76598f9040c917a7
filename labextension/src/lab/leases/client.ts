// The routes of the server's part of resnb.
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import { listIn, type LeaseList } from "./lease";
import type { Server, Socket } from "./stream";

const API = "resnb/api";
const PATIENCE = 3000; // milliseconds

/** What one can have done to a lease. Each rejects with one line. */
export interface Actions {
  /** Ask for its clean-up, without waiting for it. */
  cleanUp(id: string): Promise<void>;
  /** Let it survive its kernel for so many seconds. */
  keep(id: string, seconds: number): Promise<void>;
  /** Look at the list again now; what is known stays known where that is not possible. */
  refresh(): Promise<void>;
}

export class Remote implements Server, Actions {
  /** @param received takes the lists that were asked for. */
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly received: (list: LeaseList) => void,
  ) {}

  async status(): Promise<number> {
    return (await this.request("version", { method: "GET" })).status;
  }

  open(): Socket {
    const { WebSocket, wsUrl, token, appendToken } = this.settings;
    const url = URLExt.join(wsUrl, API, "stream");
    const query = appendToken && token !== "" ? `?token=${encodeURIComponent(token)}` : "";
    return new WebSocket(url + query);
  }

  async cleanUp(id: string): Promise<void> {
    await this.post(id, "cleanup", null);
  }

  async keep(id: string, seconds: number): Promise<void> {
    await this.post(id, "keep", { duration: seconds });
  }

  async refresh(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const answer = await this.request("leases", { method: "GET", signal });
      const list = answer.ok ? listIn(await answer.json()) : null;
      if (list !== null) {
        this.received(list);
      }
    } catch {
      // the stream says so when the server is gone
    }
  }

  private async post(id: string, action: string, body: object | null): Promise<unknown> {
    const init = body === null ? {} : { body: JSON.stringify(body) };
    const route = `leases/${encodeURIComponent(id)}/${action}`;
    const answer = await this.request(route, { method: "POST", ...init }).catch(() => {
      throw new Error("The Jupyter server does not answer.");
    });
    const found: unknown = await answer.json().catch(() => null);
    if (!answer.ok) {
      throw new Error(messageIn(found) || `The Jupyter server answers ${answer.status}.`);
    }
    return found;
  }

  private request(route: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, API, route);
    return ServerConnection.makeRequest(url, init, this.settings);
  }
}

function messageIn(answer: unknown): string {
  const message = (answer as { readonly message?: unknown } | null)?.message;
  return typeof message === "string" ? message : "";
}
