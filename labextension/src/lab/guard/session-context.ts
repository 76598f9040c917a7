// Guards the methods with which a notebook or console ends or replaces its kernel.
//
// JupyterLab has no hook for this: methods are replaced, and put back on disposal.
import type { ISessionContext, ISessionContextDialogs } from "@jupyterlab/apputils";
import type { Kernel } from "@jupyterlab/services";
import { DisposableSet, type IDisposable } from "@lumino/disposable";
import { patchMethod } from "../patch";
import type { Guard } from "./guard";
import { CHANGE, RESTART, SHUT_DOWN } from "./risk";

type Restart = (
  context: ISessionContext,
  options?: { readonly onBeforeRestart?: () => Promise<void> },
) => Promise<boolean>;

/** The session context of a notebook or console; null if it has none of a known kind. */
export function contextOf(panel: object): ISessionContext | null {
  const { sessionContext: found } = panel as { readonly sessionContext?: Partial<ISessionContext> };
  return typeof found?.restartKernel === "function" ? (found as ISessionContext) : null;
}

/** The kernels of a session's context. */
export function kernelsOf(context: ISessionContext): readonly string[] {
  const id = context.session?.kernel?.id;
  return id === undefined ? [] : [id];
}

/** The dialogs that restart notebooks and consoles. */
export function guardDialogs(guard: Guard, dialogs: ISessionContextDialogs): IDisposable {
  // the type has two kinds of dialogs; both accept the options
  const found = dialogs as { restart: Restart };
  return patchMethod(found, "restart", (stock) => (context, options) => {
    return guard.pass(kernelsOf(context), RESTART, {
      free: () => stock(context, options),
      go: async () => {
        await options?.onBeforeRestart?.();
        await context.restartKernel();
        return true;
      },
      stay: () => false,
    });
  });
}

/** What ends or replaces the kernel of one notebook or console. */
export function guardContext(guard: Guard, context: ISessionContext): IDisposable {
  const found = new DisposableSet();
  found.add(
    patchMethod(context, "restartKernel", (stock) => () => {
      return guard.pass(kernelsOf(context), RESTART, {
        go: stock,
        stay: () => refuse("restarted"),
      });
    }),
  );
  found.add(
    patchMethod(context, "shutdown", (stock) => () => {
      return guard.pass(kernelsOf(context), SHUT_DOWN, { go: stock, stay: doNothing });
    }),
  );
  found.add(
    patchMethod(context, "changeKernel", (stock) => (options) => {
      return guard.pass<Kernel.IKernelConnection | null>(kernelsOf(context), CHANGE, {
        go: () => stock(options),
        stay: () => context.session?.kernel ?? null,
      });
    }),
  );
  return found;
}

/** @throws Error so that callers do not take it for done. */
export function refuse(what: string): never {
  throw new Error(`The kernel is not ${what}: somebody has decided against it.`);
}

export function doNothing(): void {
  // it stays as it is
}
