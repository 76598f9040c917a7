// One command to the flow of a name, sent as a view would send it. Knows no DOM.
import { isFrame } from "../../widget/protocol";
import type { FlowModel } from "./flow-model";
import type { KernelFlows } from "./kernel-flows";

const PATIENCE = 5000; // milliseconds

/**
 * Run a flow with its defaults.
 *
 * @returns what the kernel says against it; "" if it has taken it up.
 */
export function runFlow(flows: KernelFlows, name: string): Promise<string> {
  return new Promise((resolve) => {
    const view = crypto.randomUUID();
    const errands = flows.ids
      .flatMap((id) => flows.model(id) ?? [])
      .map((model) => {
        return new Errand(model, view, name, end);
      });
    const timer = setTimeout(() => {
      end(`The kernel has not answered for a flow ${name}. Has its cell been run?`);
    }, PATIENCE);
    function end(said: string): void {
      clearTimeout(timer);
      errands.forEach((one) => {
        one.dispose();
      });
      resolve(said);
    }
  });
}

class Errand {
  private isSent = false;

  constructor(
    private readonly model: FlowModel,
    private readonly view: string,
    private readonly name: string,
    private readonly end: (said: string) => void,
  ) {
    model.on("msg:custom", this.heard);
    model.send({ do: "open", view, ask: `${view}/open` });
  }

  dispose(): void {
    this.model.off("msg:custom", this.heard);
    this.model.send({ do: "close", view: this.view, ask: `${this.view}/close` });
  }

  private readonly heard = (message: unknown): void => {
    if (!isFrame(message)) {
      return;
    }
    if (message.frame === "structure" && message.name === this.name && !this.isSent) {
      this.isSent = true;
      this.model.send({ do: "run", parameters: {}, view: this.view, ask: `${this.view}/run` });
    } else if (this.isSent && message.frame === "said" && message.done !== true) {
      this.end(message.text);
    } else if (this.isSent && message.frame === "states" && message.elapsed !== null) {
      this.end("");
    } else if (this.isSent && message.frame === "delta" && message.elapsed !== null) {
      this.end("");
    }
  };
}
