import type { ISessionContext } from "@jupyterlab/apputils";
import type { Kernel } from "@jupyterlab/services";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CurrentNotebook } from "../src/lab/current-notebook";
import { CurrentFlows } from "../src/lab/flows/current-flows";
import { runFlow } from "../src/lab/flows/run-flow";
import { KernelFlows } from "../src/lab/flows/kernel-flows";
import { flowNameIn, flowIds, commNewsIn } from "../src/lab/flows/messages";
import type { Command } from "../src/wire/commands";
import type { States, Structure } from "../src/wire/frames";
import { Counted } from "./counting";

test("what a message says about flows", () => {
  const data = { method: "custom", content: { frame: "said" } };
  expect(commNewsIn("comm_open", { comm_id: "resnb-1" })).toEqual({ is: "opened", id: "resnb-1" });
  expect(commNewsIn("comm_close", { comm_id: "resnb-1" })).toEqual({ is: "closed", id: "resnb-1" });
  expect(commNewsIn("comm_msg", { comm_id: "resnb-1", data })).toEqual({
    is: "told",
    id: "resnb-1",
    message: { frame: "said" },
  });
  expect(commNewsIn("comm_msg", { comm_id: "resnb-1", data: { method: "update" } })).toBe(null);
  expect([commNewsIn("comm_msg", { comm_id: "1", data }), commNewsIn("stream", {})]).toEqual([
    null,
    null,
  ]);
  expect(flowIds({ "resnb-1": {}, other: {} })).toEqual(["resnb-1"]);
});

test.each([
  ["%%flow demo(n=3) --with Machine(2) as machine\nx = 1", "demo"],
  ["%%flow dask-example", "dask-example"],
  ["%flow run demo n=3", "demo"],
  ["%flow demo", "demo"],
  ["%flow", ""],
  ["%%flower demo", ""],
  ["x = 1", ""],
])("the flow of %s", (source, name) => {
  expect(flowNameIn(source)).toBe(name);
});

const STRUCTURE: Structure = {
  frame: "structure",
  resnb: "0.1.0",
  version: 1,
  name: "",
  size: [10, 10],
  folded: "no",
  direction: "down",
  nodes: [],
  clusters: [],
  links: [],
};

const STATES: States = {
  frame: "states",
  version: 1,
  flow: 0,
  codes: [],
  counts: [],
  leases: [],
  stacks: [],
  notes: [],
  marks: [],
  times: [],
  scopes: [],
  hidden: 0,
  tally: [0, 0, 0, 0],
  elapsed: null,
  link: "",
};

interface Sent {
  readonly header: { readonly subshell_id?: string | null };
  readonly content: { readonly comm_id: string; readonly data: { readonly content: unknown } };
}

interface Commanded {
  readonly model: string;
  readonly command: Command;
}

/** As much of a kernel's connection as is used. */
class FakeKernel {
  readonly iopubMessage = new Counted<this, unknown>(this);
  readonly statusChanged = new Counted<this, string>(this);
  readonly connectionStatusChanged = new Counted<this, string>(this);
  readonly disposed = new Counted<this, void>(this);
  readonly info = Promise.resolve({});
  readonly sent: Sent[] = [];
  readonly commanded: Commanded[] = [];
  connectionStatus = "connected";
  supportsSubshells = true;
  isDisposed = false;
  username = "";
  clientId = "";
  subshells = 0;
  comms: Record<string, object> = {};
  onSend: (sent: Sent) => void = () => undefined;

  constructor(readonly id = "k") {}

  get connection(): Kernel.IKernelConnection {
    return this as unknown as Kernel.IKernelConnection;
  }

  get listeners(): number {
    const { iopubMessage, statusChanged, connectionStatusChanged, disposed } = this;
    return [iopubMessage, statusChanged, connectionStatusChanged, disposed].reduce(
      (sum, one) => sum + one.listeners,
      0,
    );
  }

  requestCommInfo(): Promise<unknown> {
    return Promise.resolve({ content: { status: "ok", comms: this.comms } });
  }

  requestCreateSubshell(): { done: Promise<unknown> } {
    this.subshells += 1;
    return { done: Promise.resolve({ content: { subshell_id: `s${this.subshells}` } }) };
  }

  requestDeleteSubshell(): { done: Promise<unknown> } {
    this.subshells -= 1;
    return { done: Promise.resolve({}) };
  }

  sendShellMessage(message: Sent): void {
    this.sent.push(message);
    this.onSend(message);
  }

  sendControlMessage({ content }: { readonly content: Commanded }): void {
    this.commanded.push(content);
  }

  says(type: string, content: unknown): void {
    this.iopubMessage.emit({ header: { msg_type: type }, content });
  }

  tells(id: string, frame: object): void {
    this.says("comm_msg", { comm_id: id, data: { method: "custom", content: frame } });
  }
}

describe("the flows of a kernel", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test("are those that it has, and those that come and go", async () => {
    const kernel = new FakeKernel();
    kernel.comms = { "resnb-1": {}, other: {} };
    const flows = new KernelFlows(kernel.connection);
    let told = 0;
    flows.changed.connect(() => (told += 1));
    await vi.advanceTimersByTimeAsync(0);
    kernel.says("comm_open", { comm_id: "resnb-2" });
    kernel.says("comm_open", { comm_id: "other-2" });
    expect([flows.ids, told]).toEqual([["resnb-1", "resnb-2"], 2]);
    kernel.says("comm_close", { comm_id: "resnb-1" });
    kernel.says("comm_close", { comm_id: "resnb-1" });
    expect([flows.ids, told]).toEqual([["resnb-2"], 3]);
    kernel.statusChanged.emit("restarting");
    expect([flows.ids, told]).toEqual([[], 4]);
    flows.dispose();
    expect(kernel.listeners).toBe(0);
  });

  test("can be asked for while the kernel tells nothing, since a cell is running", async () => {
    const kernel = new FakeKernel();
    kernel.requestCommInfo = () => new Promise(() => undefined);
    const flows = new KernelFlows(kernel.connection);
    let told = 0;
    flows.changed.connect(() => (told += 1));
    flows.ask("resnb-1");
    flows.ask("resnb-1");
    flows.ask("resnb-2"); // of an earlier kernel
    const asked = (): unknown[] =>
      kernel.commanded.map(({ model, command }) => [model, command.do]);
    expect(asked()).toEqual([
      ["resnb-1", "open"],
      ["resnb-2", "open"],
    ]);
    kernel.tells("resnb-1", STRUCTURE);
    expect(flows.ids).toEqual(["resnb-1"]);
    kernel.tells("resnb-1", { ...STATES, codes: [0] });
    expect([told, flows.model("resnb-1")?.state.codes]).toEqual([2, [0]]);
    expect(asked().slice(2)).toEqual([["resnb-1", "close"]]);
    expect(kernel.commanded[2]?.command.view).toBe(kernel.commanded[0]?.command.view);
    flows.ask("resnb-1");
    kernel.tells("resnb-1", { ...STATES, codes: [1] });
    expect([told, kernel.commanded.length]).toEqual([2, 3]);
    flows.dispose();
    await vi.advanceTimersByTimeAsync(0);
  });

  test("are not asked for where the kernel has told which it has", async () => {
    const kernel = new FakeKernel();
    const flows = new KernelFlows(kernel.connection);
    await vi.advanceTimersByTimeAsync(0);
    flows.ask("resnb-1");
    expect([flows.isKnown, kernel.commanded]).toEqual([true, []]);
    flows.dispose();
  });

  test("send by a subshell that goes with them, and hear what is for them", async () => {
    const kernel = new FakeKernel();
    const flows = new KernelFlows(kernel.connection);
    kernel.says("comm_open", { comm_id: "resnb-1" });
    const model = flows.model("resnb-1");
    const heard: unknown[] = [];
    const listen = (message: unknown): void => void heard.push(message);
    model?.on("msg:custom", listen);
    model?.send({ do: "open" });
    await vi.advanceTimersByTimeAsync(0);
    expect(kernel.sent.map(({ content }) => [content.comm_id, content.data.content])).toEqual([
      ["resnb-1", { do: "open" }],
    ]);
    expect([kernel.sent[0]?.header.subshell_id, kernel.subshells]).toEqual(["s1", 1]);
    kernel.tells("resnb-1", { frame: "said" });
    kernel.tells("resnb-2", { frame: "said" });
    model?.off("msg:custom", listen);
    kernel.tells("resnb-1", { frame: "said" });
    expect([heard, model?.heardBy]).toEqual([[{ frame: "said" }], 0]);
    flows.dispose();
    flows.dispose();
    await vi.advanceTimersByTimeAsync(0);
    expect([kernel.listeners, kernel.subshells]).toEqual([0, 0]);
  });

  test("send nothing to a kernel that is gone, and need no subshell", async () => {
    const kernel = new FakeKernel();
    kernel.supportsSubshells = false;
    const flows = new KernelFlows(kernel.connection);
    kernel.says("comm_open", { comm_id: "resnb-1" });
    flows.model("resnb-1")?.send({ do: "open" });
    await vi.advanceTimersByTimeAsync(0);
    expect([kernel.sent.length, kernel.subshells]).toEqual([1, 0]);
    kernel.connectionStatus = "disconnected";
    flows.model("resnb-1")?.send({ do: "close" });
    await vi.advanceTimersByTimeAsync(0);
    expect(kernel.sent.length).toBe(1);
    kernel.isDisposed = true;
    kernel.disposed.emit();
    expect(kernel.listeners).toBe(0);
  });

  test("one of them is run by its name, and nobody listens after that", async () => {
    const kernel = new FakeKernel();
    const flows = new KernelFlows(kernel.connection);
    kernel.says("comm_open", { comm_id: "resnb-1" });
    kernel.says("comm_open", { comm_id: "resnb-2" });
    const done: unknown[] = [];
    kernel.onSend = ({ content }) => {
      const { do: what } = content.data.content as { readonly do: string };
      done.push([content.comm_id, what]);
      if (what === "open") {
        const name = content.comm_id === "resnb-1" ? "one" : "two";
        kernel.tells(content.comm_id, { ...STRUCTURE, name });
      } else if (what === "run") {
        kernel.tells(content.comm_id, { frame: "said", text: "n is required", done: false });
      }
    };
    const said = runFlow(flows, "two");
    await vi.advanceTimersByTimeAsync(0);
    expect(await said).toBe("n is required");
    await vi.advanceTimersByTimeAsync(0);
    expect(done).toContainEqual(["resnb-2", "run"]);
    expect(done).not.toContainEqual(["resnb-1", "run"]);
    expect(flows.ids.map((id) => flows.model(id)?.heardBy)).toEqual([0, 0]);
    const none = runFlow(flows, "three");
    await vi.advanceTimersByTimeAsync(6000);
    expect(await none).toContain("flow three");
    flows.dispose();
  });
});

class FakeNotebook {
  readonly content = { activeCell: null };
  readonly kernelChanged = new Counted<this, unknown>(this);
  readonly disposed = new Counted<this, void>(this);
  isDisposed = false;
  kernel: FakeKernel | null;

  constructor(kernel: FakeKernel | null) {
    this.kernel = kernel;
  }

  get sessionContext(): ISessionContext {
    const { kernelChanged, disposed, kernel } = this;
    const session = { kernel };
    return { session, kernelChanged, disposed } as unknown as ISessionContext;
  }

  get listeners(): number {
    return this.kernelChanged.listeners + this.disposed.listeners;
  }
}

class FakeShell {
  currentWidget: object | null = null;
  readonly currentChanged = new Counted<this, unknown>(this);

  turnTo(widget: object | null): void {
    this.currentWidget = widget;
    this.currentChanged.emit(undefined);
  }
}

test("the current notebook stays so until another one is, and leaves no listeners", () => {
  const shell = new FakeShell();
  const [one, other] = [new FakeKernel("one"), new FakeKernel("other")];
  const [first, second] = [new FakeNotebook(one), new FakeNotebook(other)];
  const current = new CurrentNotebook(shell);
  const flows = new CurrentFlows(current);
  expect([current.kernel, flows.flows, flows.any]).toEqual([null, null, false]);
  shell.turnTo(first);
  one.says("comm_open", { comm_id: "resnb-1" });
  expect([current.kernel?.id, flows.any]).toEqual(["one", true]);
  shell.turnTo({}); // a launcher, say
  expect(current.kernel?.id).toBe("one");
  shell.turnTo(second);
  expect([current.kernel?.id, flows.any, one.listeners, first.listeners]).toEqual([
    "other",
    false,
    0,
    0,
  ]);
  second.kernel = one;
  second.kernelChanged.emit(undefined);
  expect([current.kernel?.id, other.listeners]).toEqual(["one", 0]);
  second.isDisposed = true;
  second.disposed.emit();
  expect([current.notebook, flows.flows]).toEqual([null, null]);
  flows.dispose();
  current.dispose();
  const left = [shell.currentChanged, one, other, first, second].map(({ listeners }) => listeners);
  expect(left).toEqual([0, 0, 0, 0, 0]);
});
