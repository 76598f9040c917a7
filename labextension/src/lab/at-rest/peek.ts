// Asks the kernel once for the state of a flow, where no view has asked: all frames go to everybody.
import { uniqueId } from "../../widget/ids";
import type { FlowModel } from "../flows/flow-model";

const PATIENCE = 10_000; // milliseconds
const asked = new WeakSet<FlowModel>();

export function watchOnce(flow: FlowModel): void {
  if (asked.has(flow)) {
    return;
  }
  asked.add(flow);
  const view = uniqueId();
  const end = (): void => {
    clearTimeout(timer);
    flow.turned.disconnect(look);
    flow.send({ do: "close", view, ask: `${view}/2` });
  };
  const look = (): void => {
    if (flow.state.codes.length > 0) {
      end();
    }
  };
  const timer = setTimeout(end, PATIENCE);
  flow.turned.connect(look);
  flow.send({ do: "open", view, ask: `${view}/1` });
}
