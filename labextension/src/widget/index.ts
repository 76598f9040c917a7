// What anywidget loads: draws a view, and removes it again.
import type { RenderContext } from "./anywidget";
import { View } from "./view";

function render(context: RenderContext): () => void {
  const life = new AbortController();
  new View(context, life.signal);
  return () => {
    life.abort();
  };
}

export default { render };
