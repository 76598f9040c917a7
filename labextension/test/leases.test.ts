import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { listIn } from "../src/lab/leases/list";
import type { Lease, LeaseList } from "../src/wire/server";
import { Leases, type Link } from "../src/lab/leases/leases";
import { Stream, type Server, type Socket } from "../src/lab/leases/stream";
import { difference } from "../src/lab/leases/version";
import { asPython, differenceFrom } from "../src/widget/version";
import {
  age,
  counted,
  fate,
  limits,
  minutesLeft,
  protection,
  safety,
  standing,
  stateClass,
  stateWord,
  trouble,
} from "../src/lab/leases/words";
import { heading, summary } from "../src/lab/panel/heading";
import { visible } from "../src/lab/panel/visible-rows";
import { lease, list } from "./leases";

describe("a message", () => {
  test("is a list if it has all that its type has", () => {
    const found = list([lease({})]);
    expect(listIn(found)).toBe(found);
    const newer = { ...found, leases: [{ ...lease({}), added: "by a newer server" }] };
    expect(listIn(newer)).toBe(newer);
  });

  test.each([
    [null, "the message is no table"],
    [{ ...list([]), leases: 3 }, "leases is no list"],
    [{ leases: [] }, "version is missing"],
    [list([lease({ protected: undefined } as object)]), "leases[0].protected is missing"],
    [list([lease({ ttl: "x" } as object)]), "leases[0].ttl is no number"],
    [list([lease({}), lease({ kernel: "no" } as object)]), "leases[1].kernel is none of alive, "],
  ])("%#: else it says what is wrong, and no field is guessed", (message, fault) => {
    expect(listIn(message)).toContain(fault);
  });
});

describe("what is known", () => {
  test("is the latest list, told of once, with a clock that goes on", () => {
    let clock = 100;
    const leases = new Leases(() => clock);
    let told = 0;
    leases.changed.connect(() => (told += 1));
    expect(leases.link).toBe("connecting");
    leases.received(list([lease({ id: "a", kernel_id: "k" }), lease({ id: "b" })], { now: 5000 }));
    clock += 10;
    expect([told, leases.link, leases.now]).toEqual([1, "live", 5010]);
    expect(leases.ofKernel("k").map(({ id }) => id)).toEqual(["a"]);
    leases.linked("lost");
    leases.linked("lost");
    expect([told, leases.all.length]).toEqual([2, 2]);
    leases.received("leases is missing");
    expect([leases.link, leases.fault, leases.all.length]).toEqual([
      "live",
      "leases is missing",
      2,
    ]);
    leases.received(list([], { now: 5020 }));
    expect([leases.link, leases.fault, leases.all]).toEqual(["live", "", []]);
    leases.dispose();
    leases.received(list([]));
    expect(told).toBe(4);
  });

  test("is not what was asked for before, and answered late", () => {
    const leases = new Leases(() => 0);
    leases.refreshed(list([lease({ id: "a" })], { now: 5000 }));
    leases.received(list([], { now: 5002 }));
    leases.refreshed(list([lease({ id: "a" })], { now: 5001 }));
    expect(leases.all).toEqual([]);
    leases.refreshed(list([lease({ id: "b" })], { now: 5003 }));
    expect(leases.all.map(({ id }) => id)).toEqual(["b"]);
  });
});

describe("words", () => {
  const cases: readonly (readonly [Partial<Lease>, string, string])[] = [
    [{}, "open", "protected"],
    [{ ends_with_kernel: true }, "open", "ends with the kernel"],
    [{ protected: false, unprotected: "a lambda" }, "open", "at risk"],
    [{ keep: 1800 }, "open", "kept 30 min"],
    [{ asked: true }, "to be cleaned up", "protected"],
    [{ orphan: true, kernel: "dead" }, "with the reaper", "protected"],
    [{ state: "kept", kept: true }, "kept", "protected"],
    [{ state: "unknown", remedy: "adopt it" }, "unknown", "adopt it"],
    [{ state: "damaged", remedy: "forget it" }, "damaged", "forget it"],
    [{ state: "failed" }, "failed", "protected"],
  ];
  test.each(cases)("of %o", (fields, state, safety) => {
    const one = lease(fields);
    expect([stateWord(one), protection(one)]).toEqual([state, safety]);
  });

  test("tell at a glance what is safe", () => {
    const marks = [{}, { protected: false }, { ends_with_kernel: true }, { remedy: "forget it" }];
    expect(marks.map((one) => safety(lease(one)).mark)).toEqual(["✓", "⚠", "○", "⚠"]);
    const kept = lease({ kept: true, keep_until: 1000 });
    expect(protection(kept, 1000 - 29.4 * 60)).toBe("29 min left: run its cell to use it again");
    expect(minutesLeft(10, 1000)).toBe("1 min");
  });

  test("say why a clean-up has failed, where there is nothing to do about it yet", () => {
    const failed = { state: "failed", note: "no route" } as const;
    expect(standing(lease(failed))).toEqual({ name: "risk", mark: "✗", word: "no route" });
    expect(standing(lease({ ...failed, remedy: "end it" })).word).toBe("end it");
    expect(standing(lease({ state: "open", note: "slow" })).word).toBe("protected");
    expect(standing(lease({ kept: true, keep_until: 1000 }), 940).word).toContain("1 min left");
  });

  test("say when it is cleaned up by itself", () => {
    expect(limits(lease({}))).toEqual([]);
    expect(limits(lease({ ttl: 7200, idle_timeout: 1800 }))).toEqual([
      "It is cleaned up when it is 2 h old.",
      "It is cleaned up when nothing has used it for 30 min.",
    ]);
  });

  test("say what becomes of a lease", () => {
    expect(fate(lease({ protected: false, unprotected: "a lambda" }))).toContain(": a lambda.");
    expect(fate(lease({ keep: 7200 }))).toContain("for 2 h.");
    expect([counted(0), counted(1), counted(1200)]).toEqual([
      "0 resources",
      "1 resource",
      "1,200 resources",
    ]);
    expect(age(lease({ created: 100 }), 165)).toBe("1 min 05 s");
  });

  test("tell of what is wrong, and of nothing else", () => {
    expect(trouble(lease({ created: 0, ttl: 60 }), 100)).toBe("");
    expect(trouble(lease({ name: "vm", created: 0, ttl: 60 }), 200)).toBe(
      "vm is past its limit of 1 min",
    );
    expect(trouble(lease({ created: 0, ttl: 60, state: "kept", kept: true }), 200)).toBe("");
    const failed = lease({ name: "vm", state: "failed", note: "no route", given_up: true });
    const damaged = lease({ name: "vm", state: "damaged", remedy: "forget it" });
    expect(trouble(damaged, 0)).toBe("vm is damaged: forget it");
    expect(fate(damaged)).toBe("Forget it.");
    expect(trouble(lease({ state: "unknown", remedy: "adopt it" }), 0)).toBe("");
    expect(trouble(failed, 0)).toBe("vm could not be cleaned up: no route");
  });

  test("tell of a failed clean-up also while it is tried again", () => {
    const retried = lease({
      name: "vm",
      state: "closing",
      reason: "no route",
      note: "no route",
      tries: 1,
    });
    expect(trouble(retried, 0)).toBe(
      "vm has failed to clean up, and is being tried again: no route",
    );
    expect([stateWord(retried), stateClass(retried)]).toEqual(["closing", "failed"]);
    expect(standing(retried)).toEqual({ name: "risk", mark: "✗", word: "no route" });
    const first = lease({ state: "closing", tries: 1 });
    expect([trouble(first, 0), stateClass(first)]).toEqual(["", "closing"]);
    expect(trouble(lease({ state: "looking", reason: "looking for it" }), 0)).toBe("");
  });
});

test("the line above the list says one thing", () => {
  const leases = new Leases(() => 0);
  const said = (link: Link, found: LeaseList | null = null, other = ""): string => {
    if (found !== null) {
      leases.received(found);
    }
    leases.linked(link);
    return heading(leases, other);
  };
  expect(said("absent")).toContain("no part of resnb");
  expect(said("live", list([]))).toBe("Nothing is open.");
  expect(said("live", list([lease({}), lease({ remedy: "x" })]))).toMatch(/^1 resource nobody/);
  expect(said("live", list([]), "other")).toBe("other");
  expect(said("live", list([], { error: "damaged" }))).toBe("damaged");
  expect(said("live", list([lease({})], { total: 1501 }))).toContain("1,500 resources more");
  expect(said("live", list([lease({})]))).toBe("");
  expect(said("lost")).toContain("known last");
});

test("the status bar tells what is wrong, and what is only remembered", () => {
  const leases = new Leases(() => 0);
  leases.received(list([lease({})]));
  expect(summary(leases)).toEqual({
    text: "1 resource",
    about: "Show what is open",
    isWrong: false,
  });
  leases.received(list([lease({}), lease({ id: "b", state: "failed", note: "no route" })]));
  leases.linked("lost");
  const { text, about, isWrong } = summary(leases);
  expect([text, isWrong]).toEqual(["⚠ 2 resources (server away)", true]);
  expect(about).toMatch(/does not answer.*known last.\nvm has failed to clean up: no route$/);
});

test("versions are compared in Python's form", () => {
  expect(["0.1.0-dev.0", "1.0.0-rc.2", "1.2.3"].map(asPython)).toEqual([
    "0.1.0.dev0",
    "1.0.0rc2",
    "1.2.3",
  ]);
  expect([difference("0.1.0-dev.0", "0.1.0.dev0"), difference("1.0.0", "")]).toEqual(["", ""]);
  expect(difference("0.1.0", "0.2.0")).toContain("0.1.0, the server 0.2.0");
  expect([differenceFrom("0.1.0.dev0", "0.1.0-dev.0"), differenceFrom("")]).toEqual(["", ""]);
  expect(differenceFrom("0.2.0", "0.1.0")).toContain("resnb 0.1.0, the kernel has 0.2.0");
});

test("of a long list only some rows are in the page, those that can be seen among them", () => {
  for (const many of [0, 1, 30, 1000]) {
    for (const top of [0, 17, 4600, 99_999]) {
      const { first, end } = visible(many, 46, top, 400);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(first).toBeLessThanOrEqual(end);
      expect(end).toBeLessThanOrEqual(many);
      expect(end - first).toBeLessThanOrEqual(9 + 12 + 1);
      for (let row = 0; row < many; row += 1) {
        const isSeen = row * 46 < top + 400 && (row + 1) * 46 > top;
        expect(!isSeen || (first <= row && row < end)).toBe(true);
      }
    }
  }
});

class FakeSocket implements Socket {
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }

  says(data: unknown): void {
    this.onmessage?.({ data } as MessageEvent);
  }

  breaks(): void {
    this.onclose?.({} as CloseEvent);
  }
}

class FakeServer implements Server {
  answer = 200;
  asked = 0;
  readonly sockets: FakeSocket[] = [];

  status(): Promise<number> {
    this.asked += 1;
    return this.answer === 0 ? Promise.reject(new Error("gone")) : Promise.resolve(this.answer);
  }

  open(): FakeSocket {
    const made = new FakeSocket();
    this.sockets.push(made);
    return made;
  }
}

describe("the stream", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  function streamed(answer = 200): [FakeServer, Stream, (LeaseList | string)[], Link[]] {
    const server = new FakeServer();
    server.answer = answer;
    const lists: (LeaseList | string)[] = [];
    const links: Link[] = [];
    const stream = new Stream(
      server,
      (found) => lists.push(found),
      (link) => links.push(link),
    );
    return [server, stream, lists, links];
  }

  test("takes lists, and says what is none; asks for nothing while it is open", async () => {
    const [server, stream, lists] = streamed();
    await vi.advanceTimersByTimeAsync(0);
    const socket = server.sockets[0];
    socket?.says("{");
    socket?.says("[]");
    socket?.says(JSON.stringify(list([])));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([server.asked, server.sockets.length]).toEqual([1, 1]);
    expect(lists).toEqual(["the message is no table", "the message is no table", list([])]);
    stream.dispose();
    expect([socket?.isClosed, socket?.onmessage, socket?.onclose]).toEqual([true, null, null]);
  });

  test("is opened again when it breaks, less and less often", async () => {
    const [server, stream, lists, links] = streamed();
    await vi.advanceTimersByTimeAsync(0);
    server.answer = 0;
    server.sockets[0]?.breaks();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(server.asked).toBeGreaterThan(15);
    expect(server.asked).toBeLessThan(40);
    server.answer = 200;
    await vi.advanceTimersByTimeAsync(40_000);
    expect(server.sockets.length).toBe(2);
    server.sockets[1]?.says(JSON.stringify(list([lease({})])));
    expect([lists.length, new Set(links)]).toEqual([1, new Set(["lost"])]);
    stream.dispose();
  });

  test("is tried at once when something has heard from the server, unless it is open", async () => {
    const [server, stream] = streamed();
    await vi.advanceTimersByTimeAsync(0);
    stream.hurry();
    expect(server.asked).toBe(1);
    server.answer = 0;
    server.sockets[0]?.breaks();
    await vi.advanceTimersByTimeAsync(600_000);
    const before = server.asked;
    server.answer = 200;
    stream.hurry();
    stream.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect([server.asked - before, server.sockets.length]).toEqual([1, 2]);
    stream.dispose();
    stream.hurry();
    expect(server.asked - before).toBe(1);
  });

  test.each([
    [404, "absent"],
    [403, "refused"],
  ] as const)("asks no more after %i", async (answer, link) => {
    const [server, stream, , links] = streamed(answer);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([server.asked, server.sockets.length, links]).toEqual([1, 0, [link]]);
    stream.dispose();
  });

  test("begins nothing once it is disposed of", async () => {
    const [server, stream] = streamed();
    stream.dispose();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.sockets.length).toBe(0);
  });
});
