// Gets the output of `%flow plan` from the kernel, without a cell.
import type { Kernel, KernelMessage } from "@jupyterlab/services";

export interface Plan {
  readonly text: string;
  readonly isError: boolean;
}

export async function planOf(kernel: Kernel.IKernelConnection, name: string): Promise<Plan> {
  const said: string[] = [];
  let error = "";
  const future = kernel.requestExecute({
    code: `%flow plan ${name}`,
    store_history: false,
    allow_stdin: false,
    stop_on_error: false,
  });
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") {
      said.push((content as KernelMessage.IStreamMsg["content"]).text);
    } else if (header.msg_type === "execute_result" || header.msg_type === "display_data") {
      const text = (content as KernelMessage.IDisplayDataMsg["content"]).data["text/plain"];
      said.push(typeof text === "string" ? text : "");
    } else if (header.msg_type === "error") {
      error = (content as KernelMessage.IErrorMsg["content"]).evalue;
    }
  };
  await future.done;
  return error === ""
    ? { text: said.join("").trimEnd(), isError: false }
    : { text: error, isError: true };
}
