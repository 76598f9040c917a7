// The field in which one looks for a task by its name.
import { html, setText } from "../dom";

/** `search` highlights what has a text in its name, and returns how many; `go` picks the next. */
export function searchBox(search: (text: string, go: boolean) => number): HTMLElement {
  const input = html("input", {
    type: "search",
    placeholder: "Find a task",
    "aria-label": "find a task by its name",
  });
  const hits = html("span", { class: "hits", role: "status" });
  const look = (go: boolean): void => {
    const found = search(input.value, go);
    setText(hits, input.value.trim() === "" ? "" : `${found.toLocaleString("en")} found`);
  };
  input.addEventListener("input", () => {
    look(false);
  });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation(); // typing here must not trigger the notebook's shortcuts
    if (event.key === "Enter") {
      look(true);
    }
  });
  return html("span", { class: "search" }, input, hits);
}
