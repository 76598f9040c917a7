// The ways by which JupyterLab ends kernels, each of them led by the guard.
//
// There is no hook for this: methods of the objects that all ways go through are replaced, and put
// back on disposal.
import type { ISessionContext, ISessionContextDialogs } from "@jupyterlab/apputils";
import type { Kernel, ServiceManager } from "@jupyterlab/services";
import { DisposableSet, type IDisposable } from "@lumino/disposable";
import { replaced } from "../replaced";
import type { Guard } from "./guard";
import { CHANGE, RESTART, SHUT_DOWN, SHUT_DOWN_ALL } from "./risk";

type Restart = (
  context: ISessionContext,
  options?: { readonly onBeforeRestart?: () => Promise<void> },
) => Promise<boolean>;

/** The kernels of a session's context. */
export function kernelsOf(context: ISessionContext): readonly string[] {
  const id = context.session?.kernel?.id;
  return id === undefined ? [] : [id];
}

/** The dialogs by which notebooks and consoles are restarted. */
export function guardedDialogs(guard: Guard, dialogs: ISessionContextDialogs): IDisposable {
  // the type tells of two kinds of dialogs; both take the options
  const found = dialogs as { restart: Restart };
  return replaced(found, "restart", (stock) => (context, options) => {
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

/** What ends or replaces the kernel of one notebook. */
export function guardedContext(guard: Guard, context: ISessionContext): DisposableSet {
  const found = new DisposableSet();
  found.add(
    replaced(context, "shutdown", (stock) => () => {
      return guard.pass(kernelsOf(context), SHUT_DOWN, { free: stock, go: stock, stay: nothing });
    }),
  );
  found.add(
    replaced(context, "changeKernel", (stock) => (options) => {
      const change = (): Promise<Kernel.IKernelConnection | null> => stock(options);
      const stay = (): Kernel.IKernelConnection | null => context.session?.kernel ?? null;
      return guard.pass(kernelsOf(context), CHANGE, { free: change, go: change, stay });
    }),
  );
  return found;
}

/** What ends kernels by their id, or all of them: the Running panel, and whatever else. */
export function guardedServices(guard: Guard, services: ServiceManager.IManager): IDisposable {
  const { kernels, sessions } = services;
  const found = new DisposableSet();
  const ofSession = (id: string): readonly string[] => {
    const kernel = all(sessions).find((one) => one.id === id)?.kernel?.id;
    return kernel === undefined ? [] : [kernel];
  };
  const everyOne = (): readonly string[] => all(kernels).map(({ id }) => id);
  const ofSessions = (): readonly string[] =>
    all(sessions).flatMap(({ kernel }) => kernel?.id ?? []);
  found.add(one(guard, kernels, (id) => [id]));
  found.add(one(guard, sessions, ofSession));
  found.add(every(guard, kernels, everyOne));
  found.add(every(guard, sessions, ofSessions));
  return found;
}

interface Manager {
  shutdown(id: string): Promise<void>;
  shutdownAll(): Promise<void>;
}

function one(
  guard: Guard,
  manager: Manager,
  kernels: (id: string) => readonly string[],
): IDisposable {
  return replaced(manager, "shutdown", (stock) => (id) => {
    const end = (): Promise<void> => stock(id);
    return guard.pass(kernels(id), SHUT_DOWN, { free: end, go: end, stay: nothing });
  });
}

function every(guard: Guard, manager: Manager, kernels: () => readonly string[]): IDisposable {
  return replaced(manager, "shutdownAll", (stock) => () => {
    return guard.pass(kernels(), SHUT_DOWN_ALL, { free: stock, go: stock, stay: nothing });
  });
}

function all<T>(manager: { running(): IterableIterator<T> }): T[] {
  return [...manager.running()];
}

function nothing(): void {
  // it stays as it is
}
