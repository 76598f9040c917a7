// Runs a flow by its name, with the commands that a view would send. Knows no DOM.
import { uniqueId } from "../../widget/ids";
import type { Request } from "../../widget/channel";
import { frameIn } from "../../widget/frames";
import type { Command } from "../../wire/commands";
import type { FlowModel } from "./flow-model";
import type { KernelFlows } from "./kernel-flows";

const PATIENCE = 5000; // milliseconds

/**
 * Run a flow with its defaults.
 *
 * @returns why it cannot be run; "" if the run has begun.
 */
export function runFlow(flows: KernelFlows, name: string): Promise<string> {
  return new Promise((resolve) => {
    const view = uniqueId();
    const requests = flows.ids
      .flatMap((id) => flows.model(id) ?? [])
      .map((model) => new RunRequest(model, view, name, end));
    const timer = setTimeout(() => {
      end(`The kernel has not answered for a flow ${name}. Has its cell been run?`);
    }, PATIENCE);
    function end(said: string): void {
      clearTimeout(timer);
      requests.forEach((one) => {
        one.dispose();
      });
      resolve(said);
    }
  });
}

/** Opens a view of one model, and runs the flow if it is the one of that name. */
class RunRequest {
  private isSent = false;

  constructor(
    private readonly model: FlowModel,
    private readonly view: string,
    private readonly name: string,
    private readonly end: (said: string) => void,
  ) {
    model.on("msg:custom", this.heard);
    this.send({ do: "open" });
  }

  dispose(): void {
    this.model.off("msg:custom", this.heard);
    this.send({ do: "close" });
  }

  private send(request: Request): void {
    const command: Command = { ...request, view: this.view, ask: `${this.view}/${request.do}` };
    this.model.send(command);
  }

  private readonly heard = (message: unknown): void => {
    const frame = frameIn(message);
    if (frame.frame === "structure" && frame.name === this.name && !this.isSent) {
      this.isSent = true;
      this.send({ do: "run", parameters: {} });
    } else if (!this.isSent) {
      return;
    } else if (frame.frame === "said" && !frame.done) {
      this.end(frame.text);
    } else if (frame.frame === "unreadable") {
      this.end(`This page cannot read what the kernel sends: ${frame.fault}`);
    } else if ((frame.frame === "states" || frame.frame === "delta") && frame.elapsed !== null) {
      this.end("");
    }
  };
}
