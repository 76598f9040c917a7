// Guards the notebooks, consoles and all other panels of a shell that have a kernel.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ISessionContext } from "@jupyterlab/apputils";
import { DisposableSet, type IDisposable } from "@lumino/disposable";
import type { Widget } from "@lumino/widgets";
import { patchMethod, undoWith } from "../patch";
import { Closing } from "./closing";
import type { Guard } from "./guard";
import { contextOf, guardContext } from "./session-context";

export function guardPanels(guard: Guard, shell: JupyterFrontEnd.IShell): IDisposable {
  const known = new WeakMap<ISessionContext, Closing>();
  const found = new DisposableSet();
  const watch = (panel: Widget): void => {
    const context = contextOf(panel);
    if (context === null || context.isDisposed) {
      return;
    }
    let closing = known.get(context);
    if (closing === undefined) {
      closing = new Closing(guard, context);
      known.set(context, closing);
      undoWith(context, DisposableSet.from([closing, guardContext(guard, context)]), found);
    }
    closing.watch(panel);
  };
  found.add(
    // by the time a panel is added all others have hooked into it, so this hook comes first
    patchMethod(shell, "add", (stock) => (panel, area, options) => {
      watch(panel);
      stock(panel, area, options);
    }),
  );
  return found;
}
