// Whether this code has the same version as what it talks to. Pure.
import { version } from "../../../package.json";

/** A version in Python's form instead of npm's: `0.1.0-dev.0` is `0.1.0.dev0`. */
export function asPython(name: string): string {
  return name.replace(/-(dev|post)\.(\d+)$/, ".$1$2").replace(/-(a|b|rc)\.(\d+)$/, "$1$2");
}

/** What to say if the kernel's version differs from this code's; else "". */
export function differenceFrom(kernel: string, code: string = version): string {
  const mine = asPython(code);
  return kernel === "" || kernel === mine
    ? ""
    : `This view is of resnb ${mine}, the kernel has ${kernel}: install the same version where the kernel and the Jupyter server run.`;
}
