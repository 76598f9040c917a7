// The section of the Running panel that lists what is alive in every kernel of this user.
import { PanelWithToolbar, ToolbarButton } from "@jupyterlab/ui-components";
import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import { html, setText, set } from "../../widget/dom";
import type { LeaseActions } from "../lease-actions";
import type { Lease } from "../../wire/server";
import type { Resources } from "../tokens";
import { heading } from "./heading";
import { LeaseRow, rowHeight } from "./lease-row";
import { Rows } from "./rows";

const SECOND = 1000;
const FEW = 3; // the least room, in rows
const MANY = 8; // the most room, in rows

export class Section extends PanelWithToolbar {
  private readonly rows: Rows<Lease>;
  private readonly line = html("p", { class: "resnb-line", role: "status" });
  private readonly all: ToolbarButton;
  private clock: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly resources: Resources,
    leaseActions: LeaseActions,
  ) {
    super();
    this.addClass("resnb-section");
    this.title.label = "Resources";
    this.all = new ToolbarButton({
      label: "Clean Up All",
      className: "resnb-all",
      tooltip: "Clean up all resources",
      onClick: () => void leaseActions.cleanUpAll(resources.leases.all),
    });
    this.toolbar.addItem("clean-up-all", this.all);
    this.rows = new Rows(
      rowHeight,
      ({ id }) => id,
      () => new LeaseRow(resources, leaseActions),
    );
    const body = new Widget();
    body.addClass("resnb-leases");
    body.node.append(this.line, this.rows.element);
    this.addWidget(body);
    resources.leases.changed.connect(this.draw, this);
  }

  /** Its preferred height in pixels. */
  get wanted(): number {
    const { length } = this.resources.leases.all;
    return rowHeight(this.node.clientWidth) * Math.min(Math.max(length, FEW), MANY);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.resources.leases.changed.disconnect(this.draw, this);
      this.stop();
      this.rows.dispose();
      super.dispose();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.start();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.start();
  }

  protected override onBeforeHide(message: Message): void {
    this.stop();
    super.onBeforeHide(message);
  }

  protected override onBeforeDetach(message: Message): void {
    this.stop();
    super.onBeforeDetach(message);
  }

  private start(): void {
    this.stop();
    if (this.isVisible) {
      this.clock = setInterval(() => {
        if (!document.hidden) {
          this.draw();
        }
      }, SECOND);
      this.draw();
    }
  }

  private stop(): void {
    if (this.clock !== null) {
      clearInterval(this.clock);
      this.clock = null;
    }
  }

  private readonly draw = (): void => {
    const { leases } = this.resources;
    const said = heading(leases, this.resources.difference);
    setText(this.line, said);
    set(this.line, { hidden: said === "" });
    this.all.enabled = leases.all.length > 0;
    if (this.isVisible) {
      this.rows.show(leases.all);
    }
  };
}
