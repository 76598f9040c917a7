import { describe, expect, test } from "vitest";
import { after, NOTHING } from "../src/widget/model";
import { framesOf, isFrame, type Frame, type States, type Structure } from "../src/widget/protocol";

const structure: Structure = {
  frame: "structure",
  resnb: "0.1.0",
  version: 7,
  name: "demo",
  size: [10, 10],
  folded: "no",
  nodes: [],
  clusters: [],
  links: [],
};
const states: States = {
  frame: "states",
  version: 7,
  flow: 1,
  codes: [0, 1, 3],
  counts: { "1": [[3, 2]] },
  leases: ["not yet"],
  notes: { "2": "5" },
  tally: [3, 1, 0, 1],
  hidden: 0,
  elapsed: 2,
};
const known = [structure, states].reduce(after, NOTHING);

describe("a view's state", () => {
  test("is what structure and states say", () => {
    expect(known.codes).toEqual([0, 1, 3]);
    expect(known.counts.get(1)).toEqual([[3, 2]]);
    expect(known.notes.get(2)).toBe("5");
  });

  test("changes where a delta says so, and nowhere else", () => {
    const delta: Frame = {
      frame: "delta",
      version: 7,
      tally: [3, 2, 0, 0],
      elapsed: 3,
      codes: [[1, 3]],
      leases: [[0, "open"]],
      counts: [[2, [[1, 4]]]],
    };
    const now = after(known, delta);
    expect(now.codes).toEqual([0, 3, 3]);
    expect(now.leases).toEqual(["open"]);
    expect(now.flow).toBe(1);
    expect([...now.counts.keys()]).toEqual([1, 2]);
    expect(known.codes).toEqual([0, 1, 3]);
  });

  test("knows the leases of a mapped scope by their states", () => {
    const full: States = { ...states, stacks: { "0": [["open", 3]] } };
    const begun = after(known, full);
    expect(begun.stacks.get(0)).toEqual([["open", 3]]);
    const delta: Frame = {
      frame: "delta",
      version: 7,
      tally: [3, 2, 0, 0],
      elapsed: 3,
      stacks: [
        [
          0,
          [
            ["failed", 1],
            ["open", 2],
          ],
        ],
      ],
    };
    expect(after(begun, delta).stacks.get(0)).toEqual([
      ["failed", 1],
      ["open", 2],
    ]);
    expect(after(begun, { ...structure, version: 8 }).stacks.size).toBe(0);
  });

  test("does not follow states of another structure", () => {
    expect(after(known, { ...states, version: 6, flow: 3 })).toBe(known);
    const delta: Frame = { frame: "delta", version: 8, tally: [0, 0, 0, 0], elapsed: null };
    expect(after(known, delta)).toBe(known);
  });

  test("stays when the same structure comes again, for another view", () => {
    expect(after(known, structure)).toBe(known);
    expect(after(known, { ...structure, version: 8 }).codes).toEqual([]);
  });

  test("keeps lines for people and fields of the form", () => {
    expect(after(known, { frame: "said", text: "no" }).said).toBe("no");
    expect(after(known, { frame: "failed", reason: "no engine" }).said).toContain("no engine");
    expect(after(known, { frame: "form", fields: [] }).fields).toEqual([]);
  });
});

test("messages that are not ours are left alone", () => {
  expect([null, 3, {}, { frame: "else" }, "states"].map(isFrame)).not.toContain(true);
  expect(isFrame(structure)).toBe(true);
});

test("what a model keeps for the time without a kernel is looked at just the same", () => {
  expect(framesOf([structure, { frame: "else" }, states])).toEqual([structure, states]);
  expect([undefined, null, "states", {}].map(framesOf)).toEqual([[], [], [], []]);
});
