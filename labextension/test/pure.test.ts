import { describe, expect, test } from "vitest";
import { shares } from "../src/lab/panel/resize";
import { interpolateBox, eased, interpolatePath } from "../src/widget/graph/transition";
import { parsed, shown } from "../src/widget/controls/fields";
import type { Field } from "../src/wire/frames";
import { nearest } from "../src/widget/graph/keyboard";
import { duration, nodeName, progressWords, secondsLeft } from "../src/widget/words";

const field = (kind: Field["kind"], value: Field["default"], required = false): Field => ({
  name: "n",
  kind,
  required,
  editable: true,
  default: value,
});

describe("values that are typed", () => {
  test.each([
    ["int", " 12 ", { value: 12 }],
    ["int", "-3", { value: -3 }],
    ["int", "1.5", { error: "n takes a whole number" }],
    ["int", "", { error: "n takes a whole number" }],
    ["int", "99999999999999999999", { error: "n takes a whole number" }],
    ["float", "1e3", { value: 1000 }],
    ["float", "Infinity", { error: "n takes a number" }],
    ["bool", "true", { value: true }],
    ["str", " 12 ", { value: " 12 " }],
    ["text", "", { value: null }],
    ["text", "12", { value: 12 }],
    ["text", "True", { value: true }],
    ["text", "twelve", { value: "twelve" }],
    ["text", "0x", { value: "0x" }],
  ] as const)("%s: %s", (kind, text, expected) => {
    expect(parsed(field(kind, 0), text)).toEqual(expected);
  });

  test("are asked for where they are required", () => {
    expect(parsed(field("text", null, true), " ")).toEqual({ error: "n is required" });
    expect(shown(field("text", null))).toBe("");
  });
});

describe("on the way", () => {
  test("ends are where they belong", () => {
    expect([eased(0), eased(0.5), eased(1)]).toEqual([0, 0.5, 1]);
    expect(interpolateBox([0, 0, 10, 10], [10, 20, 10, 30], 0.5)).toEqual([5, 10, 10, 20]);
  });

  test("paths of the same pieces are mixed, others are not", () => {
    expect(interpolatePath("M0,0L10,-2", "M10,0L20,2", 0.5)).toBe("M5.0,0.0L15.0,0.0");
    expect(interpolatePath("M0,0L1,1", "M0,0C1,1 2,2 3,3", 0.5)).toBeNull();
  });
});

test("arrow keys go to what lies in their direction", () => {
  const boxes = [
    [0, 0, 2, 2],
    [0, 10, 2, 2],
    [30, 11, 2, 2],
    [0, 40, 2, 2],
  ] as const;
  expect(nearest(boxes, 0, "ArrowDown")).toBe(1);
  expect(nearest(boxes, 1, "ArrowRight")).toBe(2);
  expect(nearest(boxes, 1, "ArrowUp")).toBe(0);
  expect(nearest(boxes, 0, "ArrowLeft")).toBeNull();
});

describe("words", () => {
  test("progress and time", () => {
    expect(progressWords([10, 4, 1, 2])).toBe("4 of 10 done · 1 not done · 2 running");
    expect([0.4, 7.9, 65, 7300].map(duration)).toEqual([
      "under 1 s",
      "7 s",
      "1 min 05 s",
      "2 h 01 min",
    ]);
    expect(secondsLeft([10, 5, 0, 1], 10)).toBe(10);
    expect(secondsLeft([10, 1, 0, 1], 10)).toBeNull();
  });

  test("a node says all that its picture says", () => {
    const node = { id: "n", text: "n", kind: "parameter", mapped: false, cluster: null } as const;
    expect(nodeName({ ...node, box: [0, 0, 1, 1] }, 3, [], "5")).toBe("n = 5, parameter, success");
  });
});

describe("the room in the Running panel", () => {
  test("is taken from the others in proportion, and never all of it", () => {
    expect(shares([0.25, 0.25, 0.5], 0, 0.25)).toBeNull();
    expect(shares([0.2, 0.2, 0.6], 0, 0.6)).toEqual([0.6, 0.1, expect.closeTo(0.3)]);
    expect(shares([1, 1], 1, 5)).toEqual([expect.closeTo(0.4), 0.6]);
    expect(shares([1], 0, 5)).toBeNull();
    expect(shares([0, 0], 0, 0.5)).toBeNull(); // nothing is laid out yet
  });
});
