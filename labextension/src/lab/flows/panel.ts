// The side panel with the flows of the current notebook: the same views as in its outputs, but they
// stay in sight while cells scroll by. A hidden panel has no views, so that the kernel samples
// nothing for it.
import { Widget } from "@lumino/widgets";
import { html, setText, set } from "../../widget/dom";
import { relayFrom } from "../../widget/relay";
import { followCells, tell } from "../../widget/page";
import type { Subject } from "../../widget/subject";
import { View } from "../../widget/view";
import { Cells, type Content } from "../at-rest/cells";
import { sendOnControl } from "../control-channel";
import { flowIcon } from "../icons";
import type { FlowModel } from "./flow-model";
import type { CurrentFlows } from "./current-flows";

interface Shown {
  readonly model: FlowModel;
  readonly element: HTMLElement;
  readonly life: AbortController;
}

export class FlowsPanel extends Widget {
  private readonly place = html("span", { class: "place" });
  private readonly line = html("p", { class: "resnb-line", role: "status" });
  private readonly views = html("div", { class: "resnb-flows-views" });
  private readonly shown = new Map<string, Shown>();

  private content: Content | undefined;
  private cells: Cells | null = null;

  /** @param bringToFront brings the panel to the front. */
  constructor(
    private readonly flows: CurrentFlows,
    private readonly bringToFront: () => void,
  ) {
    super();
    this.id = "resnb-flows";
    this.addClass("resnb-flows");
    this.title.icon = flowIcon;
    this.title.caption = "Flows of the notebook";
    this.node.setAttribute("aria-label", "Flows of the notebook");
    this.node.setAttribute("role", "region");
    const head = html("h2", { class: "resnb-panel-title" }, "Flows", this.place);
    this.node.append(head, this.line, this.views);
    flows.changed.connect(this.draw, this);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.flows.changed.disconnect(this.draw, this);
      this.drop(() => true);
      this.cells?.dispose();
      super.dispose();
    }
  }

  protected override onAfterShow(): void {
    this.draw();
  }

  protected override onAfterAttach(): void {
    this.draw();
  }

  protected override onAfterHide(): void {
    this.draw();
  }

  protected override onBeforeDetach(): void {
    this.drop(() => true);
  }

  reveal(flow: string, picked: Subject | null): void {
    this.bringToFront();
    const element = this.shown.get(flow)?.element;
    element?.scrollIntoView({ block: "nearest" });
    if (element !== undefined && picked !== null) {
      tell(element, { pick: picked });
    }
  }

  private readonly draw = (): void => {
    const { flows } = this.flows;
    this.flows.arePanelled = this.isVisible;
    this.followNotebook();
    const ids = this.isVisible ? (flows?.ids ?? []) : [];
    const wanted = new Map(ids.map((id) => [id, flows?.model(id)]));
    this.drop((id, { model }) => wanted.get(id) !== model);
    for (const [id, model] of wanted) {
      if (model !== undefined && !this.shown.has(id)) {
        this.open(id, model);
      }
    }
    setText(this.place, this.flows.current.name);
    setText(this.line, this.said());
    set(this.line, { hidden: ids.length > 0 });
  };

  /** Follow the active cell of the current notebook. */
  private followNotebook(): void {
    const content = this.flows.current.notebook?.content as Content | undefined;
    if (content !== this.content) {
      this.content = content;
      this.cells?.dispose();
      this.cells = content === undefined ? null : new Cells(content);
      this.cells?.turned.connect(this.turned, this);
    }
    this.turned();
  }

  private readonly turned = (): void => {
    for (const { element } of this.shown.values()) {
      tell(element, { cell: this.cells?.active ?? "" });
    }
  };

  private said(): string {
    return this.flows.current.kernel === null
      ? "Open a notebook, and its flows are shown here."
      : "This notebook's kernel has no flow yet. Run a cell with %%flow.";
  }

  private open(id: string, model: FlowModel): void {
    const life = new AbortController();
    const element = html("div", { class: "resnb-flows-view" });
    this.views.append(element);
    this.shown.set(id, { model, element, life });
    const kernel = this.flows.flows?.kernel ?? null;
    relayFrom(element, (command) => sendOnControl(kernel, id, command), life.signal);
    followCells(element, (cell) => this.cells?.goTo(cell), life.signal);
    new View({ model, el: element }, life.signal);
    this.turned();
  }

  private drop(isGone: (id: string, shown: Shown) => boolean): void {
    for (const [id, one] of [...this.shown]) {
      if (isGone(id, one)) {
        this.shown.delete(id);
        one.life.abort();
        one.element.remove();
      }
    }
  }
}
