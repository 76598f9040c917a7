// Closing a notebook such that its kernel goes, too: asked before the notebook is gone.
import type { ISessionContext } from "@jupyterlab/apputils";
import { DisposableDelegate, type IDisposable } from "@lumino/disposable";
import { MessageLoop, type IMessageHandler, type Message } from "@lumino/messaging";
import type { Widget } from "@lumino/widgets";
import type { Guard } from "./guard";
import { CLOSE } from "./risk";
import { kernelsOf } from "./ways";

/** For how long somebody may think about saving the notebook, in milliseconds. */
const SAVING = 60_000;

export function guardedClosing(guard: Guard, panel: Widget, context: ISessionContext): IDisposable {
  const hook = (_: IMessageHandler, message: Message): boolean => {
    if (message.type !== "close-request" || context.kernelPreference.shutdownOnDispose !== true) {
      return true;
    }
    const kernels = kernelsOf(context);
    if (!guard.watches(kernels)) {
      return true;
    }
    void guard.pass(kernels, CLOSE, {
      free: () => closed(panel),
      go: () => closed(panel),
      stay: () => undefined,
    });
    return false;
  };
  MessageLoop.installMessageHook(panel, hook);
  return new DisposableDelegate(() => {
    MessageLoop.removeMessageHook(panel, hook);
  });
}

/** Close the panel, and wait until it is gone: it may be saved first, or stay after all. */
function closed(panel: Widget): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, SAVING);
    panel.disposed.connect(() => {
      clearTimeout(timer);
      setTimeout(resolve, 0); // its kernel is shut down by whoever hears of it, too
    });
    panel.close();
  });
}
