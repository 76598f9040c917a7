// Methods of other people's objects, replaced for a while.
import { DisposableDelegate, type DisposableSet, type IDisposable } from "@lumino/disposable";
import type { ISignal } from "@lumino/signaling";

/**
 * Replace a method until the result is disposed of.
 *
 * @param make gives the new method; it is given the old one, bound to its object.
 */
export function patchMethod<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (stock: T[K]) => T[K],
): IDisposable {
  const isOwn = Object.hasOwn(target, name);
  const stock = target[name];
  if (typeof stock !== "function") {
    throw new TypeError(`${String(name)} is no method`);
  }
  const mine = make(stock.bind(target) as T[K]);
  target[name] = mine;
  return new DisposableDelegate(() => {
    if (target[name] !== mine) {
      return; // somebody has replaced it again
    }
    if (isOwn) {
      target[name] = stock;
    } else {
      Reflect.deleteProperty(target, name);
    }
  });
}

/** Undo the changes to an object when it is disposed of, or together with all others. */
export function undoWith(
  target: { readonly disposed: ISignal<unknown, void> },
  changes: DisposableSet,
  all: DisposableSet,
): void {
  const end = (): void => {
    changes.dispose();
    all.remove(changes);
  };
  target.disposed.connect(end);
  changes.add(new DisposableDelegate(() => target.disposed.disconnect(end)));
  all.add(changes);
}
