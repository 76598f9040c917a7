// What became of the leases of a notebook, asked of the server when its stream says that there is
// something new, and only while some output wants to know. Knows no DOM.
import { Signal } from "@lumino/signaling";
import type { Lease } from "../../wire/server";
import type { Resources } from "../tokens";
import { fateOf, type Fate } from "./fate-words";

/** How often words with durations change. */
const EVERY = 30_000; // milliseconds
/** When a server that did not answer is asked again: its stream may have nothing new to say. */
const AGAIN = 5_000; // milliseconds

export class Fates {
  readonly changed = new Signal<this, void>(this);
  private readonly clock: ReturnType<typeof setInterval>;
  private again: ReturnType<typeof setTimeout> | undefined;
  private known: readonly Lease[] = [];
  private seen = "";
  private wanted = 0;
  private seenEnd: number | null = null;
  private isDisposed = false;

  /**
   * @param resources what the server tells; null without its extension.
   * @param path the notebook's.
   */
  constructor(
    private readonly resources: Resources | null,
    private readonly path: () => string,
  ) {
    resources?.leases.changed.connect(this.look, this);
    this.clock = setInterval(() => {
      if (this.wanted > 0 && this.known.some(({ kept }) => kept)) {
        this.changed.emit();
      }
    }, EVERY);
  }

  dispose(): void {
    clearInterval(this.clock);
    clearTimeout(this.again);
    this.isDisposed = true;
    this.resources?.leases.changed.disconnect(this.look, this);
    Signal.clearData(this);
  }

  /** The server's clock, in seconds since the epoch. */
  get now(): number {
    const now = this.resources?.leases.now ?? 0;
    return now > 1 ? now : Date.now() / 1000;
  }

  /** Somebody wants to know from now on; call the result when that is over. */
  want(): () => void {
    this.wanted += 1;
    this.look();
    let isOver = false;
    return () => {
      this.wanted -= isOver ? 0 : 1;
      isOver = true;
    };
  }

  /** The page has seen the kernel end, or has seen another one begin. */
  kernelEnded(): void {
    this.seenEnd = this.now;
    this.seen = "";
    this.look();
  }

  of(flow: string): Fate {
    const found = fateOf(flow, this.known);
    const isSeen =
      this.seenEnd !== null && [...found.leases.values()].every(isBefore(this.seenEnd));
    return { ...found, ended: found.ended ?? (isSeen ? this.seenEnd : null) };
  }

  private readonly look = (): void => {
    const { resources, wanted } = this;
    if (resources === null || wanted === 0 || resources.leases.link !== "live") {
      return;
    }
    const path = this.path();
    const mine = resources.leases.all.filter((one) => one.path === path);
    const now = JSON.stringify([
      path,
      mine.map(({ id, state, kept, kernel }) => [id, state, kept, kernel]),
    ]);
    if (now === this.seen) {
      return;
    }
    this.seen = now;
    void resources.history(path).then((all) => {
      if (this.seen !== now || this.isDisposed) {
        return; // there is something newer, which was asked for
      }
      if (all === null) {
        this.seen = "";
        clearTimeout(this.again);
        this.again = setTimeout(this.look, AGAIN);
        return;
      }
      this.known = all;
      this.changed.emit();
    });
  };
}

function isBefore(time: number): (lease: Lease) => boolean {
  return ({ created }) => created <= time;
}
