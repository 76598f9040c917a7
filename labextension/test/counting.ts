// A signal that knows how many listen.
import { Signal } from "@lumino/signaling";

type Slot<T, U> = (sender: T, args: U) => void;

export class Counted<T, U> extends Signal<T, U> {
  listeners = 0;

  override connect(slot: Slot<T, U>, thisArg?: unknown): boolean {
    const isNew = super.connect(slot, thisArg);
    this.listeners += Number(isNew);
    return isNew;
  }

  override disconnect(slot: Slot<T, U>, thisArg?: unknown): boolean {
    const wasThere = super.disconnect(slot, thisArg);
    this.listeners -= Number(wasThere);
    return wasThere;
  }
}
