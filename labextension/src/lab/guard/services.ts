// The lowest level: what ends kernels by their id, or by a connection to them. Whoever has asked
// above is let through here; everybody else (the Running panel, the file browser, other
// extensions) is asked for here.
import type { Kernel, ServiceManager, Session } from "@jupyterlab/services";
import { DisposableSet, type IDisposable } from "@lumino/disposable";
import { replaced } from "../patch";
import type { Guard } from "./guard";
import { CHANGE, RESTART, SHUT_DOWN, SHUT_DOWN_ALL } from "./risk";
import { nothing, refused } from "./session-context";

export function guardedServices(guard: Guard, services: ServiceManager.IManager): IDisposable {
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
    replaced(kernels, "connectTo", (stock) => (options) => guardedKernel(guard, stock(options))),
  );
  found.add(
    replaced(sessions, "connectTo", (stock) => (options) => guardedSession(guard, stock(options))),
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
  return replaced(manager, "shutdown", (stock) => (id) => {
    return guard.pass(kernels(id), SHUT_DOWN, { go: () => stock(id), stay: nothing });
  });
}

function every(guard: Guard, manager: Manager, kernels: () => readonly string[]): IDisposable {
  return replaced(manager, "shutdownAll", (stock) => () => {
    return guard.pass(kernels(), SHUT_DOWN_ALL, { go: stock, stay: nothing });
  });
}

function guardedKernel(guard: Guard, kernel: Kernel.IKernelConnection): Kernel.IKernelConnection {
  replaced(kernel, "restart", (stock) => () => {
    return guard.pass([kernel.id], RESTART, { go: stock, stay: () => refused("restarted") });
  });
  replaced(kernel, "shutdown", (stock) => () => {
    return guard.pass([kernel.id], SHUT_DOWN, { go: stock, stay: () => refused("shut down") });
  });
  return kernel;
}

function guardedSession(
  guard: Guard,
  session: Session.ISessionConnection,
): Session.ISessionConnection {
  const kernels = (): readonly string[] => (session.kernel === null ? [] : [session.kernel.id]);
  replaced(session, "shutdown", (stock) => () => {
    return guard.pass(kernels(), SHUT_DOWN, { go: stock, stay: () => refused("shut down") });
  });
  replaced(session, "changeKernel", (stock) => (options) => {
    return guard.pass<Kernel.IKernelConnection | null>(kernels(), CHANGE, {
      go: () => stock(options),
      stay: () => session.kernel,
    });
  });
  return session;
}

function all<T>(manager: { running(): IterableIterator<T> }): T[] {
  return [...manager.running()];
}
