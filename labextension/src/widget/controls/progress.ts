// The progress bar: done, failed and running parts, the time taken and an estimate of the rest.
import { html, setText, set } from "../dom";
import type { Model } from "../model";
import { FAILURES, RUNNING } from "../../wire/vocabulary";
import { failureWords } from "./failures";
import { duration, progressWords, secondsLeft } from "../words";

const SECOND = 1000;

export class Progress {
  readonly element: HTMLElement;
  private readonly parts = ["done", "failed", "running"].map((name) => html("i", { class: name }));
  private readonly words = html("span", { class: "words" });
  private readonly bar: HTMLElement;
  private model: Model | null = null;
  private began = 0;

  constructor(signal: AbortSignal) {
    this.bar = html("div", { class: "track", role: "progressbar", "aria-label": "tasks" });
    this.bar.append(...this.parts);
    this.element = html("div", { class: "run-progress" }, this.bar, this.words);
    const clock = setInterval(() => {
      this.say();
    }, SECOND);
    signal.addEventListener("abort", () => {
      clearInterval(clock);
    });
  }

  show(model: Model): void {
    const isNews = model.elapsed !== this.model?.elapsed || model.flow !== this.model.flow;
    if (model.elapsed !== null && isNews) {
      this.began = performance.now() - model.elapsed * SECOND;
    }
    this.model = model;
    const [total, done, failed, running] = model.tally;
    const hasFailed = FAILURES.has(model.flow) || (model.failures?.total ?? 0) > 0;
    set(this.element, { hidden: total === 0, "data-failed": hasFailed });
    [done, failed, running].forEach((many, place) => {
      const part = this.parts[place];
      if (part !== undefined) {
        part.style.width = `${(100 * many) / Math.max(total, 1)}%`;
      }
    });
    set(this.bar, { "aria-valuemin": 0, "aria-valuemax": total, "aria-valuenow": done + failed });
    this.say();
  }

  private say(): void {
    const { model } = this;
    if (model === null) {
      return;
    }
    const words = [progressWords(model.tally)];
    const { failures } = model;
    if (failures?.first[0] !== undefined) {
      words.push(failureWords(failures.total, failures.first[0][0], ""));
    }
    if (model.elapsed !== null) {
      const isOn = model.flow === RUNNING;
      const elapsed = isOn ? (performance.now() - this.began) / SECOND : model.elapsed;
      words.push(duration(elapsed));
      const left = isOn ? secondsLeft(model.tally, elapsed) : null;
      if (left !== null) {
        words.push(`${left < 1 ? "" : "about "}${duration(left)} left`);
      }
    }
    setText(this.words, words.join(" · "));
    set(this.bar, { "aria-valuetext": words.join(", ") });
  }
}
