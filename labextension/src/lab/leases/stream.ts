// The stream of lists from the server, opened again whenever it breaks. Knows no DOM.
//
// While it is open, the page sends no requests. A server that is gone is tried less and less often;
// one that has no resnb, or refuses, is not tried again.
import type { LeaseList } from "../../wire/server";
import { listIn } from "./list";
import type { Link } from "./leases";

/** The part of a WebSocket that is used. */
export interface Socket {
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  close(): void;
}

export interface Server {
  /** The status of the server's answer to a request to resnb. Rejects if there is no answer. */
  status(): Promise<number>;
  open(): Socket;
}

const PAUSES = [0.5, 1, 2, 4, 8, 16, 30]; // seconds between tries

export class Stream {
  private socket: Socket | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private tries = 0;
  private isDisposed = false;

  constructor(
    private readonly server: Server,
    private readonly received: (list: LeaseList | string) => void,
    private readonly linked: (link: Link) => void,
  ) {
    void this.begin();
  }

  dispose(): void {
    this.isDisposed = true;
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
    this.leave();
  }

  /** Something speaks for the server: if the next try waits, it is made now. */
  hurry(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      void this.begin();
    }
  }

  private async begin(): Promise<void> {
    this.timer = null;
    const status = await this.server.status().catch(() => 503);
    if (this.isDisposed) {
      return;
    }
    if (status === 404) {
      this.linked("absent");
    } else if (status === 401 || status === 403) {
      this.linked("refused");
    } else if (status >= 400) {
      this.again();
    } else {
      this.open();
    }
  }

  private open(): void {
    const socket = this.server.open();
    this.socket = socket;
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      this.tries = 0;
      this.received(listIn(typeof data === "string" ? parsed(data) : data));
    };
    socket.onclose = () => {
      this.leave();
      this.again();
    };
  }

  private again(): void {
    this.linked("lost");
    const pause = PAUSES[Math.min(this.tries, PAUSES.length - 1)] ?? 30;
    this.tries += 1;
    // spread, so that not all pages come back at once
    this.timer = setTimeout(() => void this.begin(), 1000 * pause * (0.75 + Math.random() / 2));
  }

  private leave(): void {
    const { socket } = this;
    if (socket !== null) {
      this.socket = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
