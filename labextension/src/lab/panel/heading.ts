// What is said of the list as a whole: the line above it, and the words in the status bar. Pure.
import type { Leases } from "../leases/leases";
import { counted } from "../leases/words";

/** How many resources are open, what is wrong with them, and whether that is known just now. */
export function summary(leases: Leases): {
  readonly text: string;
  readonly about: string;
  readonly isWrong: boolean;
} {
  const troubles = [...leases.troubles.values()];
  const isWrong = troubles.length > 0;
  const isLost = leases.link === "lost";
  const about = [...(isLost ? [heading(leases, "")] : []), ...troubles].join("\n");
  return {
    text: `${isWrong ? "⚠ " : ""}${counted(leases.list.total)}${isLost ? " (server away)" : ""}`,
    about: about === "" ? "Show what is open" : about,
    isWrong,
  };
}

export function heading(leases: Leases, difference: string): string {
  const { link, list } = leases;
  switch (link) {
    case "connecting":
      return "Asking the server…";
    case "absent":
      return "The Jupyter server has no part of resnb: install resnb where it runs, and start it again.";
    case "refused":
      return "The Jupyter server does not show its resources to you.";
    case "lost":
      return "The Jupyter server does not answer. This is what was known last.";
    case "live":
  }
  if (difference !== "") {
    return difference;
  }
  if (list.error !== "") {
    return list.error;
  }
  if (list.total > list.leases.length) {
    const more = list.total - list.leases.length;
    return `The latest ${list.leases.length.toLocaleString("en")}; ${counted(more)} more: resnb ls`;
  }
  const left = list.leases.filter(({ remedy }) => remedy !== "").length;
  if (left > 0) {
    return `${counted(left)} nobody looks after (unknown, damaged): resnb ls says what to do.`;
  }
  return list.leases.length === 0 ? "Nothing is open." : "";
}
