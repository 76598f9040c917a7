// What an output shows where no widget manager has its flow: a view of the page's own, or the picture
// or text that was saved.
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Widget } from "@lumino/widgets";
import type { AnyModel } from "../../widget/anywidget";
import { html } from "../../widget/dom";
import { View } from "../../widget/view";
import { withoutView } from "./bundle";
import { isOutdated } from "./fate-words";

const SAVED = "The flow as it was saved. Run the cell to see it live.";

/** A view that no widget manager has made: of a flow whose kernel has ended, or answers nobody yet. */
export class OwnView extends Widget {
  private readonly life = new AbortController();

  constructor(model: AnyModel, className = "") {
    super({ node: html("div", { class: className }) });
    new View({ model, el: this.node }, this.life.signal);
  }

  override dispose(): void {
    this.life.abort();
    super.dispose();
  }
}

/** A renderer for what was saved with an output; null if that is nothing. */
export function savedRenderer(
  rendermime: IRenderMimeRegistry,
  model: IRenderMime.IMimeModel,
): IRenderMime.IRenderer | null {
  const form = rendermime.preferredMimeType(
    withoutView(model.data),
    model.trusted ? "any" : "ensure",
  );
  if (form === undefined) {
    return null;
  }
  const still = rendermime.createRenderer(form);
  still.node.title = SAVED;
  still.toggleClass("resnb-outdated", isOutdated(textOf(model)));
  return still;
}

/** Give pictures their description. */
export function describe(still: Widget, model: IRenderMime.IMimeModel): void {
  for (const one of still.node.querySelectorAll("img")) {
    one.alt = altOf(model.metadata) ?? textOf(model);
  }
}

function textOf({ data }: IRenderMime.IMimeModel): string {
  const text = data["text/plain"];
  return typeof text === "string" ? text : "";
}

/** The description of the picture, if the output has one. */
function altOf(metadata: IRenderMime.IMimeModel["metadata"]): string | null {
  const { alt } = (metadata["image/png"] ?? {}) as { readonly alt?: unknown };
  return typeof alt === "string" ? alt : null;
}
