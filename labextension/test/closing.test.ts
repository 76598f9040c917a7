import type { ISessionContext } from "@jupyterlab/apputils";
import { Message, MessageLoop } from "@lumino/messaging";
import type { Widget } from "@lumino/widgets";
import { describe, expect, test } from "vitest";
import type { Guard, Continuation } from "../src/lab/guard/guard";
import { Guard as RealGuard } from "../src/lab/guard/guard";
import { guardPanels } from "../src/lab/guard/panels";
import { SHUT_DOWN, type Answer } from "../src/lab/guard/risk";
import { Leases } from "../src/lab/leases/leases";
import { Counted } from "./counting";
import { lease, list } from "./leases";

type Shell = Parameters<typeof guardPanels>[1];

/** A session's context, which ends its session as JupyterLab's does. */
class Context {
  readonly disposed = new Counted<this, void>(this);
  readonly session = { kernel: { id: "k" } };
  kernelPreference = { shutdownOnDispose: true };
  isDisposed = false;

  constructor(private readonly shutDown: () => Promise<unknown>) {}

  readonly restartKernel = (): Promise<void> => Promise.resolve();
  readonly shutdown = (): Promise<void> => Promise.resolve();
  readonly changeKernel = (): Promise<null> => Promise.resolve(null);

  dispose(): void {
    this.isDisposed = true;
    this.disposed.emit();
    void this.shutDown();
  }
}

/** A notebook that asks whether to save it, and disposes of the context when the last one goes. */
class Panel {
  readonly disposed = new Counted<this, void>(this);
  isDisposed = false;
  isSaving = false;

  constructor(
    readonly sessionContext: ISessionContext,
    private readonly isLast: () => boolean = () => true,
  ) {}

  close(): void {
    MessageLoop.sendMessage(this, new Message("close-request"));
  }

  processMessage(): void {
    this.isSaving = true;
  }

  saved(): void {
    this.isDisposed = true;
    this.disposed.emit();
    if (this.isLast()) {
      this.sessionContext.dispose();
    }
  }
}

class World {
  readonly leases = new Leases(() => 0);
  readonly added: object[] = [];
  answer: Answer = "leave";
  questions = 0;
  ended = 0;
  readonly guard: Guard;
  readonly context: ISessionContext;
  readonly changes: ReturnType<typeof guardPanels>;
  readonly shell = {
    add: (panel: object) => {
      this.added.push(panel);
    },
  };

  constructor() {
    this.leases.received(list([lease({ id: "a", kernel_id: "k" })]));
    const done = (): Promise<void> => Promise.resolve();
    const asker = {
      ask: () => {
        this.questions += 1;
        return Promise.resolve(this.answer);
      },
      wait: () => ({ left: () => undefined, close: () => undefined }),
    };
    this.guard = new RealGuard(
      this.leases,
      { cleanUp: done, keep: done, refresh: done },
      asker,
      () => ({ isOn: true, keepFor: 1800, patience: 60 }),
    );
    const ways: Continuation<void> = {
      go: () => {
        this.ended += 1;
        return Promise.resolve();
      },
      stay: () => undefined,
    };
    const context = new Context(() => this.guard.pass(["k"], SHUT_DOWN, ways));
    this.context = context as unknown as ISessionContext;
    this.changes = guardPanels(this.guard, this.shell as unknown as Shell);
  }

  open(isLast?: () => boolean): Panel {
    const panel = new Panel(this.context, isLast);
    this.shell.add(panel);
    return panel;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe("closing a notebook whose kernel goes, too", () => {
  test("asks before it is gone, once, however long somebody thinks about saving it", async () => {
    const world = new World();
    const panel = world.open();
    panel.close();
    panel.close(); // pressed twice
    expect([panel.isSaving, world.questions]).toEqual([false, 0]);
    await settled();
    expect([panel.isSaving, world.questions]).toEqual([true, 1]);
    panel.saved();
    await settled();
    expect([world.ended, world.questions]).toEqual([1, 1]);
  });

  test("is called off by cancel", async () => {
    const world = new World();
    world.answer = "cancel";
    const panel = world.open();
    panel.close();
    await settled();
    expect([panel.isSaving, world.questions, world.ended]).toEqual([false, 1, 0]);
  });

  test("asks anew of what was opened while it was saved, and of another end", async () => {
    const world = new World();
    const panel = world.open();
    panel.close();
    await settled();
    expect(panel.isSaving).toBe(true); // and not saved: it stays
    await world.guard.pass(["k"], SHUT_DOWN, {
      go: () => Promise.resolve(),
      stay: () => undefined,
    });
    expect(world.questions).toBe(2);
    world.leases.received(
      list([lease({ id: "a", kernel_id: "k" }), lease({ id: "b", kernel_id: "k" })]),
    );
    world.answer = "cancel";
    panel.saved();
    await settled();
    expect([world.questions, world.ended]).toEqual([3, 0]);
  });

  test("asks nothing while another view of the notebook stays, or the kernel does", async () => {
    const world = new World();
    const [first, second] = [world.open(() => false), world.open()];
    first.close();
    expect(first.isSaving).toBe(true);
    first.saved();
    second.sessionContext.kernelPreference = { shutdownOnDispose: false };
    second.close();
    await settled();
    expect([second.isSaving, world.questions]).toEqual([true, 0]);
  });

  test("leaves nothing behind on what it has guarded", () => {
    const world = new World();
    const stock = world.context.dispose.bind(world.context);
    const methods = (): object => ({ ...world.context, ...world.shell });
    world.changes.dispose();
    const before = methods();
    const again = guardPanels(world.guard, world.shell as unknown as Shell);
    const panel = world.open();
    const { disposed } = world.context as unknown as Context;
    expect([panel.disposed.listeners, disposed.listeners]).toEqual([1, 1]);
    again.dispose();
    expect([panel.disposed.listeners, disposed.listeners]).toEqual([0, 0]);
    expect(methods()).toEqual(before);
    expect(Object.hasOwn(world.context, "dispose")).toBe(false);
    panel.close();
    expect([panel.isSaving, world.questions]).toEqual([true, 0]);
    stock();
  });

  test("is nothing for what has no kernel", () => {
    const world = new World();
    const others = [{}, { sessionContext: undefined }, { sessionContext: { name: "odd" } }];
    others.forEach((one) => {
      (world.shell.add as (panel: Widget) => void)(one as Widget);
    });
    expect(world.added).toEqual(others);
  });
});
