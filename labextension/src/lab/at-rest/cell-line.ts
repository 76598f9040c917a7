// What a cell shows of a flow that is shown in full elsewhere: one line with the cell's own tasks.
import { button, html, set, setText } from "../../widget/dom";
import type { Model } from "../../widget/model";
import type { Subject } from "../../widget/subject";
import { className, taskLook } from "../../widget/vocabulary";
import { flowWord, markText } from "../../widget/words";
import { PENDING } from "../../wire/vocabulary";

const NAMED = 12; // tasks of a cell that are shown

export class CellLine {
  readonly element: HTMLElement;
  private readonly name: HTMLButtonElement;
  private readonly state = html("span", { class: "flow-state" });
  private readonly tasks = html("span", { class: "tasks" });
  private readonly more = html("span", { class: "more" });
  private readonly where = html("span", { class: "where", "aria-hidden": true });
  private shown: readonly string[] = [];

  /** @param go shows the whole flow, and a task in it. */
  constructor(private readonly go: (picked: Subject | null) => void) {
    this.name = button("", "", () => {
      go(null);
    });
    this.name.className = "flow-name";
    const { name, tasks, more, state, where } = this;
    this.element = html(
      "div",
      { class: "resnb-cell-line", role: "group" },
      ...[name, tasks, more, state, where],
    );
    this.element.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("button") === null) {
        go(null);
      }
    });
  }

  /**
   * @param name the flow's, until its state is known.
   * @param cell the id of the cell.
   * @param where the place of the whole flow.
   */
  show(model: Model, name: string, cell: string, where: string): void {
    const { structure } = model;
    const look = taskLook(model.flow);
    const title = structure?.name ?? name;
    setText(this.name, title);
    set(this.name, {
      title: `Show the whole flow: ${where}`,
      "aria-label": `${title}: show the whole flow, ${where}`,
    });
    set(this.element, { "aria-label": `flow ${title}, tasks of this cell` });
    setText(this.state, structure === null ? "" : `${look.mark} ${flowWord(model.flow)}`);
    set(this.state, { class: `flow-state is-${className(look.word)}` });
    const places = new Map(structure?.nodes.map(({ id }, place) => [id, place]));
    const isTask = (id: string): boolean =>
      structure?.nodes[places.get(id) ?? -1]?.kind !== "parameter";
    const origin = model.cells.find(({ id }) => id === cell);
    const own = origin?.tasks.filter(isTask) ?? [];
    const named = own.filter((id) => places.has(id)).slice(0, NAMED);
    if (named.join("\n") !== this.shown.join("\n")) {
      this.shown = named;
      this.tasks.replaceChildren(...named.map((id) => this.task(id)));
    }
    named.forEach((id, at) => {
      const one = this.tasks.children[at];
      const place = places.get(id) ?? -1;
      const task = taskLook(model.codes[place] ?? PENDING);
      const mark = model.marks.get(place) ?? "";
      if (one !== undefined) {
        const node = structure?.nodes[place];
        const text = `${task.mark} ${node?.text ?? id}`;
        const whole = node?.name ?? id;
        const about = [task.word, mark].filter((word) => word !== "").join(", ");
        setText(one, mark === "" ? text : `${text} · ${markText(mark)}`);
        set(one, {
          class: `task is-${className(task.word)}${mark === "" ? "" : " marked"}`,
          "aria-label": `${whole}, ${about}`,
          title: `${whole}: ${about}`,
        });
      }
    });
    const left = own.length + (origin?.unnamed ?? 0) - named.length;
    setText(this.more, moreText(left, named.length));
    setText(this.where, where);
  }

  private task(id: string): HTMLButtonElement {
    return button("", "", () => {
      this.go({ what: "node", id });
    });
  }
}

/** `+4`, or `5,000 tasks` where none is named. */
export function moreText(left: number, named: number): string {
  if (left === 0) {
    return "";
  }
  const many = left.toLocaleString("en");
  return named > 0 ? `+${many}` : `${many} ${left === 1 ? "task" : "tasks"}`;
}
