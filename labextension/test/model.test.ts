import { describe, expect, test } from "vitest";
import { after, NOTHING } from "../src/widget/model";
import { isStale, markText } from "../src/widget/words";
import { frameIn, framesIn } from "../src/widget/frames";
import type { Delta, States, Structure } from "../src/wire/frames";

const structure: Structure = {
  frame: "structure",
  resnb: "0.1.0",
  version: 7,
  name: "demo",
  size: [10, 10],
  folded: "no",
  direction: "down",
  nodes: [],
  clusters: [],
  links: [],
};
const states: States = {
  frame: "states",
  version: 7,
  flow: 1,
  codes: [0, 1, 3],
  counts: [[1, [[3, 2]]]],
  leases: ["not yet"],
  stacks: [],
  notes: [[2, "5"]],
  marks: [[0, "cell deleted"]],
  tally: [3, 1, 0, 1],
  times: [[0, 1.5]],
  scopes: [],
  hidden: 0,
  elapsed: 2,
  link: "",
};
const delta: Delta = { frame: "delta", version: 7, tally: [3, 2, 0, 0], elapsed: 3, link: "" };
const known = [structure, states].reduce((model, one) => after(model, one), NOTHING);

describe("a view's state", () => {
  test("is what structure and states say", () => {
    expect(known.codes).toEqual([0, 1, 3]);
    expect(known.counts.get(1)).toEqual([[3, 2]]);
    expect(known.notes.get(2)).toBe("5");
    expect(known.marks.get(0)).toBe("cell deleted");
  });

  test("knows what is stale, and what is not any more", () => {
    const stale = after(known, { ...delta, marks: [[1, "stale: its code has changed"]] });
    expect([...stale.marks.values()].map(isStale)).toEqual([false, true]);
    expect([...stale.marks.values()].map(markText)).toEqual(["cell deleted", "stale"]);
    const fresh = after(stale, { ...delta, marks: [[1, ""]] });
    expect([...fresh.marks.values()].some(isStale)).toBe(false);
    expect(markText("cell deleted, stale: its input x has changed")).toBe("cell deleted, stale");
    expect(markText("2 stale, 1 cell deleted")).toBe("2 stale, 1 cell deleted");
  });

  test("changes where a delta says so, and nowhere else", () => {
    const now = after(known, {
      ...delta,
      codes: [[1, 3]],
      leases: [[0, "open"]],
      counts: [[2, [[1, 4]]]],
    });
    expect(now.codes).toEqual([0, 3, 3]);
    expect(now.leases).toEqual(["open"]);
    expect(now.flow).toBe(1);
    expect([...now.counts.keys()]).toEqual([1, 2]);
    expect(known.codes).toEqual([0, 1, 3]);
  });

  test("knows since when something takes time", () => {
    const begun = after({ ...known }, { ...delta, times: [[1, 0.5]] }, 700);
    expect(begun.times.get(1)).toEqual({ value: 0.5, at: 700 });
    expect(begun.times.get(0)).toEqual({ value: 1.5, at: 0 });
    expect(after(begun, delta, 900).times).toBe(begun.times);
  });

  test("knows the leases of a mapped scope by their states", () => {
    const full: States = { ...states, stacks: [[0, [["open", 3]]]] };
    const begun = after(known, full);
    expect(begun.stacks.get(0)).toEqual([["open", 3]]);
    const counts = [
      ["failed", 1],
      ["open", 2],
    ] as const;
    expect(after(begun, { ...delta, stacks: [[0, counts]] }).stacks.get(0)).toEqual(counts);
    expect(after(begun, { ...structure, version: 8 }).stacks.size).toBe(0);
  });

  test("does not follow states of another structure", () => {
    expect(after(known, { ...states, version: 6, flow: 3 })).toBe(known);
    expect(after(known, { ...delta, version: 8 })).toBe(known);
  });

  test("stays when the same structure comes again, for another view", () => {
    expect(after(known, structure)).toBe(known);
    expect(after(known, { ...structure, version: 8 }).codes).toEqual([]);
  });

  test("keeps lines for people and fields of the form", () => {
    expect(after(known, { frame: "said", text: "no", done: false }).said).toBe("no");
    expect(after(known, { frame: "failed", reason: "no engine" }).said).toContain("no engine");
    expect(after(known, { frame: "form", fields: [] }).fields).toEqual([]);
  });
});

describe("a message", () => {
  test("is a frame if it has all that its type has", () => {
    expect([structure, states, delta].map(frameIn)).toEqual([structure, states, delta]);
    expect(frameIn({ ...structure, added: "by a newer kernel" }).frame).toBe("structure");
  });

  test.each([
    [null, "the message has none of its forms"],
    [{ frame: "else" }, "the message has none of its forms"],
    [{ ...structure, name: undefined }, "name is missing"],
    [{ ...structure, nodes: [{ id: "a", text: "a" }] }, "nodes[0].kind is missing"],
    [{ ...states, codes: [0, 77] }, "codes[1] is none of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"],
    [{ ...states, tally: [1, 2, 3] }, "tally is no list of 4"],
    [{ ...delta, flow: "1" }, "flow is none of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"],
    [{ ...delta, version: NaN }, "version is no number"],
  ])("%#: else it says what is wrong", (message, fault) => {
    const found = frameIn(message);
    expect(found).toEqual({ frame: "unreadable", fault });
    expect(after(known, found).said).toContain(fault);
  });

  test("is looked at in the same way where a model keeps it for views without a kernel", () => {
    expect(framesIn([structure, 3]).map(({ frame }) => frame)).toEqual(["structure", "unreadable"]);
    expect([undefined, null, "states", {}].map(framesIn)).toEqual([[], [], [], []]);
  });
});
