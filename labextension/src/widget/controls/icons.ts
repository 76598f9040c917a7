// The pictures on buttons, each a path in a square of 16.
import { html, svg } from "../dom";

const PATHS = {
  run: "M4 2.5v11l9-5.5z",
  stale: "M12.8 6.5A5 5 0 1 0 13 9M13 3v3.5H9.5",
  cancel: "M3.5 3.5h9v9h-9z",
  clean: "M3 5h10M6.5 5V3h3v2M4.5 5l.6 8.5h5.8l.6-8.5M7 7.5v4M9 7.5v4",
  unfold: "M8 2v4M5.8 4L8 1.8 10.2 4M8 14v-4M5.8 12L8 14.2l2.2-2.2M2.5 8h11",
  timeline: "M2.5 3.5h6M5 8h8M3.5 12.5h5",
  legend: "M2.5 3h3v3h-3zM2.5 10h3v3h-3zM8 4.5h5.5M8 11.5h5.5",
  out: "M3.5 8h9",
  in: "M3.5 8h9M8 3.5v9",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  direction: "M3 4h7M7.5 1.5L10 4 7.5 6.5M12.5 7v6.5M10 11l2.5 2.5L15 11",
  window: "M2.5 3h11v10h-11zM2.5 5.8h11",
} as const;

export type Icon = keyof typeof PATHS;

const FILLED: ReadonlySet<Icon> = new Set<Icon>(["run", "cancel"]);

/** A button with a picture; its text is seen where there is room. */
export function iconButton(
  icon: Icon,
  text: string,
  title: string,
  pressed: () => void,
): HTMLButtonElement {
  const picture = svg(
    "svg",
    {
      viewBox: "0 0 16 16",
      "aria-hidden": "true",
      class: FILLED.has(icon) ? "icon filled" : "icon",
    },
    svg("path", { d: PATHS[icon] }),
  );
  const made = html("button", { type: "button", title }, html("span", { class: "label" }, text));
  made.prepend(picture);
  made.addEventListener("click", pressed);
  return made;
}
