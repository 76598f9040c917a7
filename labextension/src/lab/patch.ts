// A method of somebody else's object, replaced for a while.
import { DisposableDelegate, type IDisposable } from "@lumino/disposable";

/**
 * Put another method in the place of one, until the result is disposed of.
 *
 * @param make gives the new one; it is given the old one, bound to its object.
 */
export function replaced<T extends object, K extends keyof T>(
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
