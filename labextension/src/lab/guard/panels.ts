// Finds the notebooks, consoles and whatever else has a kernel in a shell, and has them guarded.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ISessionContext } from "@jupyterlab/apputils";
import { DisposableDelegate, DisposableSet, type IDisposable } from "@lumino/disposable";
import type { Widget } from "@lumino/widgets";
import { replaced } from "../patch";
import { Closing } from "./closing";
import type { Guard } from "./guard";
import { contextOf, guardedContext } from "./session-context";

export function guardedPanels(guard: Guard, shell: JupyterFrontEnd.IShell): IDisposable {
  const known = new WeakMap<ISessionContext, Closing>();
  const found = new DisposableSet();
  const meet = (panel: Widget): void => {
    const context = contextOf(panel);
    if (context === null || context.isDisposed) {
      return;
    }
    let closing = known.get(context);
    if (closing === undefined) {
      closing = new Closing(guard, context);
      known.set(context, closing);
      const changes = DisposableSet.from([closing, guardedContext(guard, context)]);
      const end = (): void => {
        changes.dispose();
        found.remove(changes);
      };
      context.disposed.connect(end);
      changes.add(new DisposableDelegate(() => context.disposed.disconnect(end)));
      found.add(changes);
    }
    closing.watch(panel);
  };
  found.add(
    // a panel is added after all others have hooked into it, so that ours comes first
    replaced(shell, "add", (stock) => (panel, area, options) => {
      meet(panel);
      stock(panel, area, options);
    }),
  );
  return found;
}
