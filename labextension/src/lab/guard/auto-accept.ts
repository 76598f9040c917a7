// A question of JupyterLab's that need not be asked, since ours was.
import { Dialog } from "@jupyterlab/apputils";

/**
 * Run what begins with a plain question, and answer yes to that without showing it.
 *
 * @param run what asks before it returns; what it asks later is shown as ever.
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
