// Commands that end kernels and ask their own question first. If resources are open, the guard's
// question takes its place.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { IDisposable } from "@lumino/disposable";
import { patchMethod } from "../patch";
import { autoAccept } from "./auto-accept";
import type { Guard } from "./guard";
import { CLOSE, SHUT_DOWN_ALL, SHUT_DOWN_SERVER, SHUT_DOWN_UNUSED, type Intent } from "./risk";
import { kernelsIn, kernelsWithSessions } from "./services";
import { contextOf, kernelsOf, doNothing } from "./session-context";

/** The argument with which a menu names a widget. */
const WIDGET = "semanticWidget";

type Fields = Readonly<Record<string, unknown>>;

interface GuardedCommand {
  readonly intent: Intent;
  kernels(args: Fields): readonly string[];
  /** What to do after the answer, if not the same as the command after its own question. */
  end?(kernels: readonly string[]): Promise<unknown>;
}

export function guardCommands(guard: Guard, app: JupyterFrontEnd): IDisposable {
  const ways = commandsThatEndKernels(app);
  return patchMethod(app.commands, "execute", (stock) => (id, args = {}) => {
    const way = ways.get(id);
    const kernels = way?.kernels(args) ?? [];
    if (way === undefined || !guard.watches(kernels)) {
      return stock(id, args);
    }
    return guard.pass<unknown>(kernels, way.intent, {
      free: () => stock(id, args),
      go: () => way.end?.(kernels) ?? autoAccept(() => stock(id, args)),
      stay: doNothing,
    });
  });
}

function commandsThatEndKernels({
  shell,
  serviceManager,
}: JupyterFrontEnd): ReadonlyMap<string, GuardedCommand> {
  const { kernels, sessions } = serviceManager;
  const close: GuardedCommand = {
    intent: CLOSE,
    kernels: (args) => {
      const named = args[WIDGET];
      const panel =
        typeof named === "string"
          ? [...shell.widgets("main")].find(({ id }) => id === named)
          : shell.currentWidget;
      const context = panel ? contextOf(panel) : null;
      return context === null ? [] : kernelsOf(context);
    },
  };
  return new Map<string, GuardedCommand>([
    ["notebook:close-and-shutdown", close],
    ["console:close-and-shutdown", close],
    ["notebook:close-and-halt", close], // Notebook 7
    [
      "kernelmenu:shutdownAll",
      { intent: SHUT_DOWN_ALL, kernels: () => kernelsWithSessions(sessions) },
    ],
    ["filemenu:shutdown", { intent: SHUT_DOWN_SERVER, kernels: () => kernelsIn(kernels) }],
    [
      "running:kernel-shut-down-unused",
      {
        intent: SHUT_DOWN_UNUSED,
        kernels: () =>
          [...kernels.running()].filter(({ connections: many }) => many === 0).map(({ id }) => id),
        // the kernels that were asked about; the command would look for them again, past all managers
        end: (unused) => Promise.allSettled(unused.map((id) => kernels.shutdown(id))),
      },
    ],
  ]);
}
