// The button that shuts down all kernels in the Running panel asks its own question. If resources are
// open, the guard's question takes its place.
import type { IRunningSessionManagers } from "@jupyterlab/running";
import type { Kernel } from "@jupyterlab/services";
import { DisposableDelegate, type IDisposable } from "@lumino/disposable";
import type { Guard } from "./guard";
import { SHUT_DOWN_ALL } from "./risk";
import { kernelsIn } from "./services";
import { doNothing } from "./session-context";

const BUTTON = ".jp-RunningSessions-shutdownAll";
const SECTION = ".jp-AccordionPanel-title, .lm-AccordionPanel-title";
const TITLE = ".lm-AccordionPanel-titleLabel";
const KERNELS = "jp-mod-kernel";

export function guardShutDownAll(
  guard: Guard,
  managers: IRunningSessionManagers,
  kernels: Kernel.IManager,
): IDisposable {
  const life = new AbortController();
  let isFree = false;
  const pressed = (event: Event): void => {
    const button = event.target instanceof Element ? event.target.closest(BUTTON) : null;
    const all = kernelsIn(kernels);
    if (isFree || button === null || !isPress(event) || !guard.watches(all)) {
      return;
    }
    if (button.closest(SECTION)?.querySelector(TITLE)?.textContent !== titleOfKernels(managers)) {
      return;
    }
    event.stopImmediatePropagation();
    event.preventDefault();
    void guard.pass(all, SHUT_DOWN_ALL, {
      free: () => {
        isFree = true;
        (button as HTMLElement).click(); // its own question, as before
        isFree = false;
        return Promise.resolve();
      },
      go: () => kernels.shutdownAll(),
      stay: doNothing,
    });
  };
  for (const type of ["click", "keydown"]) {
    document.addEventListener(type, pressed, { capture: true, signal: life.signal });
  }
  return new DisposableDelegate(() => {
    life.abort();
  });
}

function isPress(event: Event): boolean {
  return !(event instanceof KeyboardEvent) || event.key === "Enter" || event.key === " ";
}

/** The title of the section with the kernels, in whatever language. */
function titleOfKernels(managers: IRunningSessionManagers): string | undefined {
  return managers
    .items()
    .find((one) =>
      one.running({ mode: "tree" }).some(({ className }) => className?.startsWith(KERNELS)),
    )?.name;
}
