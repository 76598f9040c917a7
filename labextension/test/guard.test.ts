import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Guard } from "../src/lab/guard/guard";
import {
  answersTo,
  atRisk,
  CLOSE,
  RESTART,
  SHUT_DOWN,
  titleOf,
  type Answer,
  type Intent,
  type Question,
} from "../src/lab/guard/risk";
import type { Asker, Rules } from "../src/lab/guard/settlement";
import type { Lease } from "../src/wire/server";
import { Leases } from "../src/lab/leases/leases";
import type { LeaseApi } from "../src/lab/leases/client";
import { lease, list } from "./leases";

const mine = (fields: Partial<Lease> = {}): Lease => lease({ kernel_id: "k", ...fields });
const K = new Set(["k"]);

describe("what is at risk", () => {
  test.each([
    [{}, true],
    [{ state: "opening" }, true],
    [{ ends_with_kernel: true }, true],
    [{ protected: false, asked: true }, true],
    [{ kernel_id: "other" }, false],
    [{ kernel_id: null }, false],
    [{ kernel: "dead" }, false],
    [{ state: "closing" }, false],
    [{ state: "failed" }, false],
    [{ keep: 1800 }, false],
    [{ asked: true }, false],
  ] as const)("%o", (fields, isAtRisk) => {
    expect(atRisk([mine(fields)], K).length === 1).toBe(isAtRisk);
  });

  test("is said, with the answers that make sense", () => {
    const question = (leases: Lease[], intent = RESTART, many = 1): Question => ({
      intent,
      many,
      leases,
      said: "",
    });
    expect(titleOf(question([mine()]))).toBe("Restart the kernel? 1 resource is open");
    expect(answersTo(question([mine()]), 1800).map(([, label]) => label)).toEqual([
      "Cancel",
      "Clean up in the background",
      "Keep for 30 min",
      "Clean up and restart",
    ]);
    expect(titleOf(question([mine(), mine()], CLOSE, 2))).toBe(
      "Close and shut down 2 kernels? 2 resources are open",
    );
    const bound = answersTo(question([mine({ ends_with_kernel: true })]), 1800);
    expect(bound.map(([answer]) => answer)).not.toContain("keep");
    const leave = (...leases: Lease[]): string =>
      new Map(answersTo(question(leases), 1800)).get("leave") ?? "";
    expect(leave(mine(), mine({ ends_with_kernel: true }))).toBe("Clean up in the background");
    expect(leave(mine(), mine({ protected: false }))).toBe("Restart anyway");
    expect(leave(mine({ ends_with_kernel: true }))).toBe("Restart anyway");
  });
});

class World implements Asker, LeaseApi {
  readonly leases = new Leases(() => 0);
  readonly questions: Question[] = [];
  readonly done: string[] = [];
  answers: Answer[] = [];
  rules: Rules = { isOn: true, keepFor: 1800, patience: 10 };
  waiting = 0;
  givenUp: (() => void) | null = null;
  refuses = "";
  onRefresh: () => void = () => undefined;
  readonly guard = new Guard(this.leases, this, this, () => this.rules);

  constructor(...found: Lease[]) {
    this.leases.received(list(found));
  }

  ask(question: Question): Promise<Answer> {
    this.questions.push(question);
    return Promise.resolve(this.answers.shift() ?? "cancel");
  }

  wait(givenUp: () => void): { left: () => void; close: () => void } {
    this.waiting += 1;
    this.givenUp = givenUp;
    return {
      left: () => undefined,
      close: () => {
        this.waiting -= 1;
      },
    };
  }

  cleanUp(id: string): Promise<void> {
    this.done.push(`clean up ${id}`);
    const why = this.refuses;
    this.refuses = "";
    return why === "" ? Promise.resolve() : Promise.reject(new Error(why));
  }

  keep(id: string, seconds: number): Promise<void> {
    this.done.push(`keep ${id} ${seconds}`);
    return Promise.resolve();
  }

  refresh(): Promise<void> {
    this.onRefresh();
    return Promise.resolve();
  }

  restart(kernel = "k"): Promise<string> {
    return this.end(kernel, RESTART);
  }

  end(kernel: string, intent: Intent): Promise<string> {
    return this.guard.pass([kernel], intent, {
      free: () => Promise.resolve("free"),
      go: () => Promise.resolve("go"),
      stay: () => "stay",
    });
  }
}

describe("the guard", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test("asks nothing where nothing is open, or nobody wants it", async () => {
    const world = new World(mine());
    expect(await world.restart("other")).toBe("free");
    world.rules = { ...world.rules, isOn: false };
    expect(await world.restart()).toBe("free");
    expect(world.questions).toEqual([]);
  });

  test("asks of what was opened in the last moment", async () => {
    const world = new World();
    world.onRefresh = () => {
      world.leases.received(list([mine()]));
    };
    expect(await world.restart()).toBe("stay");
    expect(world.questions.length).toBe(1);
  });

  test("stays, goes on or keeps as is answered", async () => {
    const world = new World(mine({ id: "a" }), mine({ id: "b", ends_with_kernel: true }));
    world.answers = ["cancel", "leave", "keep"];
    expect(await world.restart()).toBe("stay");
    expect(await world.restart()).toBe("go");
    expect(world.done).toEqual([]);
    expect(await world.restart()).toBe("go");
    expect(world.done).toEqual(["keep a 1800"]);
    expect(world.questions.map(({ leases }) => leases.length)).toEqual([2, 2, 2]);
  });

  test("goes on when all is cleaned up", async () => {
    const world = new World(mine({ id: "a" }), mine({ id: "b" }));
    world.answers = ["clean up"];
    const ended = world.restart();
    await vi.advanceTimersByTimeAsync(1000);
    expect([world.done, world.waiting]).toEqual([["clean up a", "clean up b"], 1]);
    world.leases.received(list([mine({ id: "b", state: "closing" })]));
    await vi.advanceTimersByTimeAsync(1000);
    expect(world.waiting).toBe(1);
    world.leases.received(list([]));
    expect(await ended).toBe("go");
    expect([world.waiting, world.questions.length]).toEqual([0, 1]);
  });

  test("asks again with what went wrong", async () => {
    const world = new World(mine({ id: "a", name: "vm" }));
    world.answers = ["clean up", "clean up", "clean up", "cancel"];
    world.refuses = "no such lease";
    const ended = world.restart();
    await vi.advanceTimersByTimeAsync(0);
    expect(world.questions[1]?.said).toBe("vm: no such lease");
    await vi.advanceTimersByTimeAsync(11_000); // longer than it waits
    expect(world.questions.length).toBe(3);
    expect(world.questions[2]?.said).toBe("Not yet cleaned up: vm");
    world.givenUp?.(); // somebody does not want to wait
    expect(await ended).toBe("stay");
    expect([world.questions.length, world.waiting]).toEqual([4, 0]);
  });

  test("does not end what has failed to clean up without another word", async () => {
    const world = new World(mine({ id: "a", name: "vm" }), mine({ id: "b" }));
    world.answers = ["clean up", "cancel"];
    const ended = world.restart();
    await vi.advanceTimersByTimeAsync(0);
    world.leases.received(
      list([mine({ id: "a", name: "vm", state: "failed", note: "stuck" }), mine({ id: "c" })]),
    );
    expect(await ended).toBe("stay");
    expect(world.questions[1]?.said).toBe("vm could not be cleaned up: stuck");
  });

  test("asks once, however many ways an action takes", async () => {
    const world = new World(mine());
    world.answers = ["leave"];
    const ended = await world.guard.pass(["k"], RESTART, {
      free: () => Promise.resolve("free"),
      go: () => world.restart(), // as a dialog does that restarts by way of the context
      stay: () => "stay",
    });
    expect([ended, world.questions.length]).toEqual(["free", 1]);
    expect([await world.restart(), world.questions.length]).toEqual(["stay", 2]);
  });

  test("asks again of what was opened while JupyterLab's own question was on the screen", async () => {
    const world = new World();
    const outer = world.guard.pass(["k"], RESTART, {
      free: () => {
        world.leases.received(list([mine()]));
        return world.restart();
      },
      go: () => Promise.resolve("go"),
      stay: () => "stay",
    });
    expect([await outer, world.questions.length]).toEqual(["stay", 1]);
  });

  test("asks one question of what is begun at once, and lets go what has nothing open", async () => {
    const world = new World(mine({ id: "a" }), mine({ id: "b", kernel_id: "l" }));
    const all = (intent: Intent): Promise<string[]> =>
      Promise.all(["k", "l", "none"].map((kernel) => world.end(kernel, intent)));
    expect(await all(SHUT_DOWN)).toEqual(["stay", "stay", "free"]);
    world.answers = ["leave"];
    expect(await all(CLOSE)).toEqual(["go", "go", "free"]);
    expect(world.questions.map(({ many, leases }) => [many, leases.length])).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });

  test("asks one question of two tabs that share a kernel", async () => {
    const world = new World(mine());
    world.answers = ["leave"];
    const both = await Promise.all([world.end("k", CLOSE), world.end("k", CLOSE)]);
    expect([both, world.questions.length]).toEqual([["go", "go"], 1]);
  });

  test("goes on asking after a question that could not be put", async () => {
    const world = new World(mine());
    world.ask = () => Promise.reject(new Error("no dialog"));
    await expect(world.restart()).rejects.toThrow("no dialog");
    await expect(world.restart()).rejects.toThrow("no dialog");
  });

  test("asks one question at a time of a kernel", async () => {
    const world = new World(mine());
    const both = await Promise.all([world.restart(), world.restart()]);
    expect([both, world.questions.length]).toEqual([["stay", "stay"], 1]);
  });

  test("is no obstacle where the server has no part of resnb", async () => {
    const world = new World(mine());
    world.leases.linked("absent");
    expect([await world.restart(), world.questions.length]).toEqual(["free", 0]);
  });
});
