// The client of the server extension's routes.
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import { Refusal, type Keep, type Lease, type LeaseList } from "../../wire/server";
import { listIn } from "./list";
import type { Server, Socket } from "./stream";

const API = "resnb/api";
const PATIENCE = 3000; // milliseconds

/** What the server can do about leases. Each method rejects with one line. */
export interface LeaseApi {
  /** Ask for a lease's clean-up, without waiting for it. */
  cleanUp(id: string): Promise<void>;
  /** Let a lease survive its kernel for some seconds. */
  keep(id: string, seconds: number): Promise<void>;
  /** Get the list again now; if that fails, the present one stays. */
  refresh(): Promise<void>;
}

export class LeaseClient implements Server, LeaseApi {
  /** @param received takes the lists, or what is wrong with one. */
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly received: (list: LeaseList | string) => void,
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
    const body: Keep = { duration: seconds };
    await this.post(id, "keep", body);
  }

  async refresh(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const answer = await this.request("leases", { method: "GET", signal });
      if (answer.ok) {
        this.received(listIn(await answer.json()));
      }
    } catch {
      // the stream says so when the server is gone
    }
  }

  /** All leases of a notebook, closed ones too; null if the server does not tell. */
  async history(path: string): Promise<readonly Lease[] | null> {
    try {
      const query = new URLSearchParams({ closed: "true", path });
      const signal = AbortSignal.timeout(PATIENCE);
      const answer = await this.request(`leases?${query}`, { method: "GET", signal });
      const found = answer.ok ? listIn(await answer.json()) : "";
      return typeof found === "string" ? null : found.leases;
    } catch {
      return null; // the stream says so when the server is gone
    }
  }

  private async post(id: string, action: string, body: Keep | null): Promise<void> {
    const init = body === null ? {} : { body: JSON.stringify(body) };
    const route = `leases/${encodeURIComponent(id)}/${action}`;
    const answer = await this.request(route, { method: "POST", ...init }).catch(() => {
      throw new Error("The Jupyter server does not answer.");
    });
    if (!answer.ok) {
      const found: unknown = await answer.json().catch(() => null);
      const isRefusal = Refusal(found, "") === "";
      const message = isRefusal ? (found as Refusal).message : "";
      throw new Error(message || `The Jupyter server answers ${answer.status}.`);
    }
  }

  private request(route: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, API, route);
    return ServerConnection.makeRequest(url, init, this.settings);
  }
}
