// Answers a question of JupyterLab's that the guard's has made unnecessary.
import { Dialog } from "@jupyterlab/apputils";

/**
 * Run something that begins with a question, and answer yes without showing that.
 *
 * @param run asks before it returns; questions that it asks later are shown as usual.
 */
export function autoAccept<T>(run: () => T): T {
  const dialogs: { launch: Launch } = Dialog.prototype;
  const { launch } = dialogs;
  dialogs.launch = function yes() {
    this.dispose();
    return Promise.resolve({ button: Dialog.okButton(), isChecked: null, value: null });
  };
  try {
    return run();
  } finally {
    dialogs.launch = launch;
  }
}

type Launch = (this: Dialog<unknown>) => Promise<Dialog.IResult<unknown>>;
