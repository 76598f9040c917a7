import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Guard, Continuation } from "../src/lab/guard/guard";
import { guardServices } from "../src/lab/guard/services";
import { guardContext, guardDialogs } from "../src/lab/guard/session-context";
import { Leases } from "../src/lab/leases/leases";
import { patchMethod } from "../src/lab/patch";
import { DEFAULTS, Settings } from "../src/lab/settings";
import type { Resources } from "../src/lab/tokens";
import { Warner } from "../src/lab/warnings/warner";
import { Counted } from "./counting";
import { lease, list } from "./leases";

type Guards = {
  readonly guardContext: typeof guardContext;
  readonly guardDialogs: typeof guardDialogs;
  readonly guardServices: typeof guardServices;
};
type Given<K extends keyof Guards> = Parameters<Guards[K]>[1];

describe("a method that is replaced", () => {
  class Thing {
    constructor(private readonly name: string) {}

    say(): string {
      return this.name;
    }
  }

  test("is the old one again in the end", () => {
    const thing = new Thing("thing");
    const change = patchMethod(thing, "say", (stock) => () => `no ${stock()}`);
    expect(thing.say()).toBe("no thing");
    change.dispose();
    expect([thing.say(), Object.keys(thing)]).toEqual(["thing", ["name"]]);
  });

  test("is left to whoever has replaced it since", () => {
    const thing = new Thing("thing");
    const change = patchMethod(thing, "say", (stock) => () => `no ${stock()}`);
    const later = (): string => "later";
    thing.say = later;
    change.dispose();
    expect(thing.say()).toBe("later");
  });
});

describe("the ways that are guarded", () => {
  /** Lets everything through, and writes down of which kernels. */
  class Open {
    readonly passed: string[] = [];

    pass<T>(kernels: readonly string[], _: unknown, ways: Continuation<T>): Promise<T> {
      this.passed.push(kernels.join());
      return ways.go();
    }

    get guard(): Guard {
      return this as unknown as Guard;
    }
  }

  const done: string[] = [];
  const does =
    (name: string) =>
    (...given: readonly unknown[]): Promise<void> => {
      done.push([name, ...given].map(String).join(" "));
      return Promise.resolve();
    };
  const kernel = { id: "k" };
  const connected = <T extends object>(methods: T) => ({
    ...methods,
    disposed: new Counted<object, void>(methods),
  });
  beforeEach(() => {
    done.length = 0;
  });

  test("are those of the services, each for the kernels that it ends", async () => {
    const kernels = {
      running: () => [kernel, { id: "l" }].values(),
      shutdown: does("kernel"),
      shutdownAll: does("kernels"),
      connectTo: () => connected({ ...kernel, restart: does("restart"), shutdown: does("end") }),
    };
    const sessions = {
      running: () =>
        [
          { id: "s", kernel },
          { id: "t", kernel: null },
        ].values(),
      shutdown: does("session"),
      shutdownAll: does("sessions"),
      connectTo: () => connected({ kernel, shutdown: does("leave"), changeKernel: does("change") }),
    };
    const stock = [kernels, sessions].map((one) => ({ ...one }));
    const open = new Open();
    const services = { kernels, sessions } as unknown as Given<"guardServices">;
    const change = guardServices(open.guard, services);
    await kernels.shutdown("k");
    await sessions.shutdown("s");
    await kernels.shutdownAll();
    await sessions.shutdownAll();
    await kernels.connectTo().restart();
    await kernels.connectTo().shutdown();
    await sessions.connectTo().shutdown();
    await sessions.connectTo().changeKernel("other");
    expect(open.passed).toEqual(["k", "k", "k,l", "k", "k", "k", "k", "k"]);
    const managers = ["kernel k", "session s", "kernels", "sessions"];
    expect(done).toEqual([...managers, "restart", "end", "leave", "change other"]);
    change.dispose();
    expect([kernels, sessions]).toEqual(stock);
  });

  test("leave the connections as they were, when either of both is disposed of", () => {
    const stock = { restart: does("restart"), shutdown: does("end"), changeKernel: does("change") };
    const kernels = { connectTo: () => connected({ ...kernel, ...stock }) };
    const sessions = { connectTo: () => connected({ kernel, ...stock }) };
    for (const one of [kernels, sessions]) {
      Object.assign(one, { running: () => [].values(), shutdown: does(""), shutdownAll: does("") });
    }
    const services = { kernels, sessions } as unknown as Given<"guardServices">;
    const change = guardServices(new Open().guard, services);
    const open = [kernels.connectTo(), sessions.connectTo()];
    const gone = [kernels.connectTo(), sessions.connectTo()];
    expect(open.some((one) => one.shutdown === stock.shutdown)).toBe(false);
    for (const one of gone) {
      one.disposed.emit();
      expect(one).toMatchObject(stock);
    }
    change.dispose();
    for (const one of open) {
      expect(one).toMatchObject(stock);
    }
    expect([...open, ...gone].map(({ disposed }) => disposed.listeners)).toEqual([0, 0, 0, 0]);
  });

  test("are those of a notebook and of the dialogs", async () => {
    const context = {
      session: { kernel },
      shutdown: does("shutdown"),
      changeKernel: does("change"),
      restartKernel: does("restart"),
    };
    const dialogs = { restart: does("stock") };
    const open = new Open();
    const changes = [
      guardContext(open.guard, context as unknown as Given<"guardContext">),
      guardDialogs(open.guard, dialogs as unknown as Given<"guardDialogs">),
    ];
    await context.shutdown();
    await context.changeKernel("other");
    await context.restartKernel();
    await dialogs.restart(context, { onBeforeRestart: does("before") });
    expect(open.passed).toEqual(["k", "k", "k", "k", "k"]);
    expect(done).toEqual(["shutdown", "change other", "restart", "before", "restart"]);
    changes.forEach((one) => {
      one.dispose();
    });
    await dialogs.restart();
    expect([done.at(-1), open.passed.length]).toEqual(["stock", 5]);
  });
});

describe("warnings", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test("are said once of each thing, and end with their owner", () => {
    const leases = new Leases(() => Date.now() / 1000);
    const settings = new Settings();
    const counted = {
      leases: Object.assign(leases, { changed: new Counted<Leases, void>(leases) }),
      settings: Object.assign(settings, { changed: new Counted<Settings, void>(settings) }),
    };
    const said: string[] = [];
    const resources = { ...counted, difference: "other version" } as unknown as Resources;
    const over: string[] = [];
    const warner = new Warner(resources, (text) => {
      said.push(text);
      return () => over.push(text);
    });
    const failed = lease({ id: "a", name: "vm", state: "failed", note: "stuck" });
    leases.received(list([failed]));
    leases.received(list([failed]));
    expect(said).toEqual(["other version", "vm has failed to clean up: stuck"]);
    leases.received(list([lease({ ...failed, state: "closing" })])); // the reaper tries again
    leases.received(list([failed]));
    expect([said.length, over]).toEqual([2, []]);
    leases.received(list([]));
    expect(over).toEqual(["vm has failed to clean up: stuck"]);
    leases.received(list([failed]));
    expect(said.length).toBe(3);
    settings.set({ warn: false });
    leases.received(list([lease({ id: "b", state: "failed" })]));
    expect(said.length).toBe(3);
    settings.set({});
    expect(said.length).toBe(4);
    leases.received(list([lease({ id: "c", name: "old", created: 0, ttl: 60 })], { now: 50 }));
    vi.advanceTimersByTime(120_000); // nobody tells of time that passes
    expect(said.at(-1)).toBe("old is past its limit of 1 min");
    warner.dispose();
    expect([counted.leases.changed.listeners, counted.settings.changed.listeners]).toEqual([0, 0]);
  });
});

test("settings of a wrong type are as if they were not set", () => {
  const settings = new Settings();
  settings.set({ ask: "no", keepMinutes: -1, patience: Infinity, warn: false });
  expect(settings.values).toEqual({ ...DEFAULTS, warn: false });
});
