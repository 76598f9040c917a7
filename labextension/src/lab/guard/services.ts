// The lowest level: methods that end kernels by their id or through a connection. Actions that were
// asked about above are let through here; for all others (the Running panel, the file browser, other
// extensions) the question is asked here.
import type { Kernel, ServiceManager, Session } from "@jupyterlab/services";
import { DisposableSet, type IDisposable } from "@lumino/disposable";
import { patchMethod, undoWith } from "../patch";
import type { Guard } from "./guard";
import { CHANGE, RESTART, SHUT_DOWN, SHUT_DOWN_ALL } from "./risk";
import { doNothing, refuse } from "./session-context";

export function guardServices(guard: Guard, services: ServiceManager.IManager): IDisposable {
  const { kernels, sessions } = services;
  const found = new DisposableSet();
  const ofSession = (id: string): readonly string[] => {
    const kernel = all(sessions).find((one) => one.id === id)?.kernel?.id;
    return kernel === undefined ? [] : [kernel];
  };
  found.add(one(guard, kernels, (id) => [id]));
  found.add(one(guard, sessions, ofSession));
  found.add(every(guard, kernels, () => kernelsIn(kernels)));
  found.add(every(guard, sessions, () => kernelsWithSessions(sessions)));
  found.add(
    patchMethod(kernels, "connectTo", (stock) => (options) => {
      const kernel = stock(options);
      undoWith(kernel, guardKernel(guard, kernel), found);
      return kernel;
    }),
  );
  found.add(
    patchMethod(sessions, "connectTo", (stock) => (options) => {
      const session = stock(options);
      undoWith(session, guardSession(guard, session), found);
      return session;
    }),
  );
  return found;
}

export function kernelsIn(kernels: Kernel.IManager): readonly string[] {
  return all(kernels).map(({ id }) => id);
}

export function kernelsWithSessions(sessions: Session.IManager): readonly string[] {
  return all(sessions).flatMap(({ kernel }) => kernel?.id ?? []);
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
  return patchMethod(manager, "shutdown", (stock) => (id) => {
    return guard.pass(kernels(id), SHUT_DOWN, { go: () => stock(id), stay: doNothing });
  });
}

function every(guard: Guard, manager: Manager, kernels: () => readonly string[]): IDisposable {
  return patchMethod(manager, "shutdownAll", (stock) => () => {
    return guard.pass(kernels(), SHUT_DOWN_ALL, { go: stock, stay: doNothing });
  });
}

function guardKernel(guard: Guard, kernel: Kernel.IKernelConnection): DisposableSet {
  return DisposableSet.from([
    patchMethod(kernel, "restart", (stock) => () => {
      return guard.pass([kernel.id], RESTART, { go: stock, stay: () => refuse("restarted") });
    }),
    patchMethod(kernel, "shutdown", (stock) => () => {
      return guard.pass([kernel.id], SHUT_DOWN, { go: stock, stay: () => refuse("shut down") });
    }),
  ]);
}

function guardSession(guard: Guard, session: Session.ISessionConnection): DisposableSet {
  const kernels = (): readonly string[] => (session.kernel === null ? [] : [session.kernel.id]);
  return DisposableSet.from([
    patchMethod(session, "shutdown", (stock) => () => {
      return guard.pass(kernels(), SHUT_DOWN, { go: stock, stay: () => refuse("shut down") });
    }),
    patchMethod(session, "changeKernel", (stock) => (options) => {
      return guard.pass<Kernel.IKernelConnection | null>(kernels(), CHANGE, {
        go: () => stock(options),
        stay: () => session.kernel,
      });
    }),
  ]);
}

function all<T>(manager: { running(): IterableIterator<T> }): T[] {
  return [...manager.running()];
}
