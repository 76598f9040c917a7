// The command that closes a notebook and shuts its kernel down asks a question of its own. Where we
// have to ask, ours takes its place.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ISessionContext } from "@jupyterlab/apputils";
import type { IDisposable } from "@lumino/disposable";
import type { Widget } from "@lumino/widgets";
import { replaced } from "../replaced";
import type { Guard } from "./guard";
import { CLOSE } from "./risk";
import { kernelsOf } from "./ways";

const CLOSE_AND_SHUT_DOWN = "notebook:close-and-shutdown";

export function guardedCommands(guard: Guard, app: JupyterFrontEnd): IDisposable {
  return replaced(app.commands, "execute", (stock) => (id, args) => {
    const panel = id === CLOSE_AND_SHUT_DOWN ? app.shell.currentWidget : null;
    const context = panel === null ? null : contextOf(panel);
    if (panel === null || context === null || !guard.watches(kernelsOf(context))) {
      return stock(id, args);
    }
    const close = async (): Promise<void> => {
      await context.shutdown();
      panel.dispose();
    };
    return guard.pass(kernelsOf(context), CLOSE, {
      free: () => stock(id, args),
      go: close,
      stay: () => undefined,
    });
  });
}

/** The context of a notebook's session. */
export function contextOf(panel: Widget): ISessionContext | null {
  const { sessionContext } = panel as { readonly sessionContext?: ISessionContext };
  return sessionContext ?? null;
}
