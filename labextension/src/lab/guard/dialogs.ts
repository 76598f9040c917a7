// The dialogs that ask the user.
import { Dialog } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";
import { html, setText } from "../../widget/dom";
import type { Lease } from "../../wire/server";
import { age, counted, fate, safety } from "../leases/words";
import { answersTo, titleOf, type Answer, type Question } from "./risk";
import type { Asker } from "./settlement";

const MOST = 12; // leases that are listed
const WHAT: Readonly<Record<Answer, string>> = {
  "clean up": "Clean up first, and wait for it",
  keep: "What can be kept survives: the next kernel uses it again when its cell is run",
  leave: "Go on at once",
  cancel: "",
};

export class Dialogs implements Asker {
  /**
   * @param now the server's clock, in seconds.
   * @param place where a lease is held.
   * @param keepFor how long leases are kept, in seconds.
   */
  constructor(
    private readonly now: () => number,
    private readonly place: (lease: Lease) => string,
    private readonly keepFor: () => number,
  ) {}

  async ask(question: Question): Promise<Answer> {
    const answers = answersTo(question, this.keepFor());
    const dialog = new Dialog<unknown>({
      title: titleOf(question),
      body: this.body(question),
      buttons: answers.map(([answer, label]) => button(answer, label)),
      defaultButton: answers.length - 1,
    });
    dialog.addClass("resnb-question");
    const { button: pressed } = await dialog.launch();
    return answers.find(([, label]) => label === pressed.label && pressed.accept)?.[0] ?? "cancel";
  }

  wait(givenUp: () => void): { left(many: number): void; close(): void } {
    const line = html("p", { role: "status" });
    const body = new Widget();
    body.node.append(html("progress", { "aria-label": "cleaning up" }), line);
    const dialog = new Dialog<unknown>({
      title: "Cleaning up…",
      body,
      buttons: [Dialog.cancelButton({ label: "Do not wait" })],
    });
    dialog.addClass("resnb-question");
    let isOpen = true;
    void dialog.launch().then(() => {
      if (isOpen) {
        isOpen = false;
        givenUp();
      }
    });
    return {
      left: (many) => {
        setText(line, `${counted(many)} to go`);
      },
      close: () => {
        if (isOpen) {
          isOpen = false;
          dialog.reject();
        }
      },
    };
  }

  private body({ leases, said }: Question): Widget {
    const body = new Widget();
    if (said !== "") {
      body.node.append(html("p", { class: "resnb-said", role: "alert" }, said));
    }
    const list = html("ul", {});
    for (const lease of leases.slice(0, MOST)) {
      const about = `${this.place(lease)} · ${age(lease, this.now())}`;
      const { mark, word, name } = safety(lease);
      list.append(
        html(
          "li",
          { class: `is-${name}` },
          html("strong", {}, lease.name),
          html("span", { class: `resnb-safety is-${name}` }, `${mark} ${word}`),
          html("span", {}, ` ${about}`),
          html("div", {}, fate(lease)),
        ),
      );
    }
    body.node.append(list);
    if (leases.length > MOST) {
      body.node.append(html("p", {}, `and ${counted(leases.length - MOST)} more`));
    }
    return body;
  }
}

function button(answer: Answer, label: string): Dialog.IButton {
  return answer === "cancel"
    ? Dialog.cancelButton({ label })
    : Dialog.createButton({
        label,
        caption: WHAT[answer],
        accept: true,
        displayType: answer === "leave" ? "warn" : "default",
        className: answer === "clean up" ? "" : "resnb-other",
      });
}
