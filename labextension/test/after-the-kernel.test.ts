// Which cell shows a flow in full, and what is said of a flow whose kernel has ended.
import { describe, expect, test, vi } from "vitest";
import { afterEnd, EndedModel } from "../src/lab/at-rest/ended";
import { at, fateOf, fateWords, isOutdated, keptOf, statesOf } from "../src/lab/at-rest/fate-words";
import { Fates } from "../src/lab/at-rest/fates";
import { Latest, type ShowingCell } from "../src/lab/at-rest/latest";
import { FlowModel } from "../src/lab/flows/flow-model";
import { Leases } from "../src/lab/leases/leases";
import type { Resources } from "../src/lab/tokens";
import { KeptNotices } from "../src/lab/warnings/kept";
import { after, cellOf, NOTHING, type Model } from "../src/widget/model";
import { CANCELLED, PENDING, RUNNING, SUCCESS } from "../src/wire/vocabulary";
import type { Frame } from "../src/wire/frames";
import type { Lease } from "../src/wire/server";
import { lease, list } from "./leases";

const cell = (id: string, count: number | null, shows = true): ShowingCell => ({
  id,
  count,
  shows,
});

describe("the cell that ran last shows the flow in full", () => {
  const first = (...cells: ShowingCell[]): string | null => new Latest().look(cells);

  test("by the numbers, before any has run", () => {
    expect(first()).toBe(null);
    expect(first(cell("a", 3, false))).toBe(null);
    expect(first(cell("a", 5), cell("b", 2), cell("c", 9, false))).toBe("a");
    expect(first(cell("a", 5), cell("b", null))).toBe("b"); // it is running
    expect(first(cell("a", null), cell("b", null))).toBe("b"); // without numbers
  });

  test("whatever the numbers are, once it has run", () => {
    const latest = new Latest();
    expect(latest.look([cell("a", 5), cell("b", 7)])).toBe("b");
    expect(latest.look([cell("a", null, false), cell("b", 7)])).toBe("b"); // no output yet
    expect(latest.look([cell("a", null), cell("b", 7)])).toBe("a");
    expect(latest.look([cell("a", 2), cell("b", 7)])).toBe("a"); // the kernel has been restarted
    expect(latest.look([cell("a", 2), cell("b", 3)])).toBe("b"); // too fast to be seen running
    expect(latest.look([cell("a", 2), cell("b", null, false)])).toBe("b"); // it runs again
    expect(latest.look([cell("a", 2)])).toBe("a"); // the cell is gone
  });
});

describe("what became of the resources of a flow", () => {
  const now = new Date(2026, 10, 28, 21, 30).getTime() / 1000;
  const ended = now - 1860; // 20:59
  const of = (fields: object): string => {
    const one = lease({ name: "etl/db", kernel: "dead", kernel_ended: ended, ...fields });
    return fateWords(fateOf("etl", [one]), now);
  };

  test("is said in a line", () => {
    const closed = { state: "closed", ended: ended + 2 };
    expect(of({ ...closed, reason: "cleaned up by the reaper" })).toBe(
      "Kernel ended 20:59; db was cleaned up by the reaper at 20:59",
    );
    expect(of({ ...closed, reason: "cleaned up" })).toContain("; db was cleaned up at 20:59");
    expect(of({ ...closed, reason: "nothing was created" })).toContain(
      "db ended at 20:59 (nothing was created)",
    );
    expect(of({ state: "kept", kept: true, keep_until: now + 1740 })).toContain(
      "; db is kept for 29 min",
    );
    expect(of({ state: "failed", note: "403" })).toContain("; db is not cleaned up: 403");
    expect(of({ orphan: true })).toContain("; db is being cleaned up by the reaper");
    expect(of({ state: "unknown", remedy: "adopt it" })).toContain("; db: adopt it");
    expect(of({ kernel_ended: null })).toMatch(
      /^The flow as it was saved; its kernel has ended; db/,
    );
  });

  test("is that of the latest kernel, and the latest of each resource", () => {
    const all = [
      lease({ id: "1", name: "etl/old", pid: 1, created: 1 }),
      lease({ id: "2", name: "etl/db", pid: 2, created: 2, state: "closed" }),
      lease({ id: "3", name: "etl/db", pid: 2, created: 3, state: "kept", kept: true }),
      lease({ id: "4", name: "etl/vm", pid: 2, created: 4, orphan: true }),
      lease({ id: "5", name: "etl2/db", pid: 3, created: 5 }),
    ];
    const fate = fateOf("etl", all);
    expect([...fate.leases].map(([name, { id }]) => [name, id])).toEqual([
      ["db", "3"],
      ["vm", "4"],
    ]);
    expect([...statesOf(fate)]).toEqual([
      ["db", "kept"],
      ["vm", "with the reaper"],
    ]);
    expect(keptOf(fate).map(({ id }) => id)).toEqual(["3"]);
  });

  test("makes a picture outdated that shows them open", () => {
    const text = (state: string): string => `etl · success\n┌ db = Db${state} · ttl 2h\n│ ✓ open`;
    expect([" · open", " · 2 open", " · closed", ""].map(text).map(isOutdated)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("names a few", () => {
    const all = Array.from("abcdef").map((one) =>
      lease({ id: one, name: `etl/${one}`, state: "closed" }),
    );
    expect(fateWords(fateOf("etl", all), now)).toContain("; and 2 more");
  });

  test("has the day if that is another one", () => {
    expect(at(now - 86_400, now)).toBe("27 Nov 21:30");
  });
});

test("what became of resources is asked again where the server did not answer", async () => {
  vi.useFakeTimers();
  try {
    const leases = new Leases(() => 0);
    const closed = lease({ name: "etl/db", path: "a.ipynb", state: "closed" });
    const answers: (readonly Lease[] | null)[] = [null, null, [closed]];
    const history = vi.fn(() => Promise.resolve(answers.shift() ?? null));
    const fates = new Fates({ leases, history } as unknown as Resources, () => "a.ipynb");
    leases.received(list([]));
    expect(history).not.toHaveBeenCalled(); // nobody wants to know
    fates.want();
    expect(history).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(history).toHaveBeenCalledTimes(3); // until it did
    expect([...statesOf(fates.of("etl"))]).toEqual([["db", "closed"]]);
    leases.received(list([lease({ path: "a.ipynb" })]));
    fates.dispose();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(history).toHaveBeenCalledTimes(4);
  } finally {
    vi.useRealTimers();
  }
});

test("a view of an ended flow speaks up only if somebody wants something", async () => {
  const model = new EndedModel(new FlowModel(() => undefined));
  const answers: unknown[] = [];
  model.on("msg:custom", (message) => answers.push((message as Frame).frame));
  const room = { view: "v", do: "room", width: 600, height: 300 };
  model.send({ view: "v", ask: "1", do: "open" });
  model.send({ ...room, ask: "2", direction: "fitting" });
  await Promise.resolve();
  expect(answers).toEqual(["taken", "taken"]);
  model.send({ ...room, ask: "3", direction: "right" }); // a click turns it
  model.send({ view: "v", ask: "4", do: "run", parameters: {} });
  await Promise.resolve();
  expect(answers.slice(2)).toEqual(["taken", "said", "taken", "said"]);
});

test("nothing runs any more in a flow whose kernel has ended", () => {
  const structure = { clusters: [{ id: "db" }, { id: "vm" }] } as unknown as Model["structure"];
  const before: Model = {
    ...NOTHING,
    structure,
    flow: RUNNING,
    codes: [SUCCESS, RUNNING, PENDING],
    counts: new Map([
      [
        1,
        [
          [RUNNING, 2],
          [CANCELLED, 1],
          [SUCCESS, 4],
        ],
      ],
    ]),
    leases: ["open", "open"],
    tally: [9, 4, 1, 2],
  };
  const found = afterEnd(before, new Map([["db", "closed"]]));
  expect([found.flow, found.codes]).toEqual([CANCELLED, [SUCCESS, CANCELLED, PENDING]]);
  expect([...found.counts]).toEqual([
    [
      1,
      [
        [CANCELLED, 3],
        [SUCCESS, 4],
      ],
    ],
  ]);
  expect([found.leases, found.tally]).toEqual([
    ["closed", "open"],
    [9, 4, 3, 0],
  ]);
});

test("a view knows the cell of each task and resource", () => {
  const cells = [
    { id: "c1", number: 3, tasks: ["load"], unnamed: 0, scopes: ["db"] },
    { id: "", number: null, tasks: ["total"], unnamed: 0, scopes: [] },
  ];
  const model = after(NOTHING, { frame: "cells", cells });
  expect(["load", "db", "total", "other"].map((id) => cellOf(model, id)?.number)).toEqual([
    3,
    3,
    null,
    undefined,
  ]);
});

test("what is kept is told once, when its notebook has a kernel again, and taken back", () => {
  const leases = new Leases(() => 0);
  const kernels = new Set<string>();
  const takeBack = vi.fn();
  const said: string[] = [];
  const notices = new KeptNotices(
    { leases } as unknown as Resources,
    ({ path }) => kernels.has(path ?? ""),
    (text) => {
      said.push(text);
      return takeBack;
    },
  );
  const kept = lease({
    id: "a",
    name: "etl/db",
    path: "a.ipynb",
    state: "kept",
    kept: true,
    kernel: "dead",
    keep_until: 1740,
  });
  leases.received(list([kept, lease({ id: "b", path: "a.ipynb" })]));
  expect(said).toEqual([]);
  kernels.add("a.ipynb");
  notices.look();
  notices.look();
  expect(said).toEqual(["etl/db is kept for 29 min: run its cell to use it again"]);
  leases.received(list([lease({ id: "a", name: "etl/db" })])); // it is used again
  expect(takeBack).toHaveBeenCalledOnce();
  notices.dispose();
});
