import { describe, expect, test } from "vitest";
import { withEnd } from "../src/lab/panel/keeping-end";
import { shares } from "../src/lab/panel/resize";
import { interpolateBox, eased, interpolatePath } from "../src/widget/graph/transition";
import { parsed, shown } from "../src/widget/controls/fields";
import type { Field } from "../src/wire/frames";
import { nearest } from "../src/widget/graph/keyboard";
import { hitsIn } from "../src/widget/graph/items";
import { nameOf, NOTHING } from "../src/widget/model";
import {
  clusterName,
  duration,
  nodeName,
  progressWords,
  scopeTime,
  secondsLeft,
  stepText,
  taskTime,
} from "../src/widget/words";
import type { ScopeTimes, Structure } from "../src/wire/frames";

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
    ["list", " [1] ", { value: "[1]" }],
    ["list", "{}", { error: "n takes a list: [ ... ]" }],
    ["dict", '{"a": [null]}', { value: '{"a": [null]}' }],
    ["dict", "null", { error: "n takes a dict: { ... }" }],
    ["date", "", { error: "n is required" }],
    ["datetime", "2026-02-28", { error: "n takes a date and a time, such as 2026-02-28T09:30" }],
  ] as const)("%s: %s", (kind, text, expected) => {
    expect(parsed(field(kind, 0), text)).toEqual(expected);
  });

  test("say where they are no JSON", () => {
    expect(parsed(field("list", "[]"), "[1,")).toEqual({
      error: expect.stringContaining("n is no JSON: ") as string,
    });
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

describe("a name with little room", () => {
  test("keeps its end, and short ones are whole", () => {
    expect(withEnd("etl/database")).toEqual(["etl/database", ""]);
    expect(withEnd("warehouse_of_europe_2026")).toEqual(["warehouse_of", "_europe_2026"]);
  });

  test("is never cut within a character", () => {
    const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}";
    for (let many = 0; many < 14; many += 1) {
      const [start, end] = withEnd("x".repeat(20) + family + "e\u0301" + "y".repeat(many));
      expect(start + end).toContain(family);
      expect([start, end].some((one) => one.includes(family))).toBe(true);
      expect(end).not.toMatch(/^[\u0301\u200d]/);
    }
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

describe("times", () => {
  const scope: ScopeTimes = {
    steps: [3, 3, 0],
    setup: 2.14,
    cleanup: null,
    open: 600,
    opened: 1,
    used: 200,
    busy: false,
  };

  test("count on while something is running, and stand still then", () => {
    expect(taskTime(undefined, true, 0)).toBe("");
    expect(taskTime({ value: 1.5, at: 1000 }, true, 4000)).toBe("4 s");
    expect(taskTime({ value: 1.5, at: 1000 }, false, 4000)).toBe("1.50 s");
  });

  test("of a resource: how long it is open, its idle share, what it costs", () => {
    const at = 10_000;
    expect(scopeTime({ value: scope, at }, null, at)).toBe("open 10 min 00 s, idle 67 %");
    const later = at + 600_000;
    expect(scopeTime({ value: scope, at }, 2, later)).toBe(
      "open 20 min 00 s, idle 83 %, about 0.67",
    );
    const busy = { ...scope, busy: true };
    expect(scopeTime({ value: busy, at }, null, later)).toBe("open 20 min 00 s, idle 33 %");
    const closed = { ...scope, opened: 0, open: 1.5, used: null };
    expect(scopeTime({ value: closed, at }, 3600, later)).toBe("open 1.50 s, about 1.50");
    expect(scopeTime({ value: { ...scope, open: 0, opened: 0 }, at }, 2, later)).toBe("");
  });

  test("of a set-up and a clean-up", () => {
    const at = 0;
    expect(stepText({ value: scope, at }, "open", 9000)).toBe("set-up 2.14 s");
    const begun: ScopeTimes = { ...scope, steps: [3, 1, 0], setup: 1 };
    expect(stepText({ value: begun, at }, "opening", 2000)).toBe("set-up 3 s");
    expect(stepText({ value: { ...begun, steps: [3, 7, 0] }, at }, "failed", 0)).toBe(
      "set-up failed",
    );
    const ended: ScopeTimes = { ...scope, steps: [3, 3, 3], cleanup: 0.5 };
    expect(stepText({ value: ended, at }, "closed", 9000)).toBe("clean-up 500 ms");
  });
});

test("a search finds what is folded, too", () => {
  const box = [0, 0, 1, 1] as const;
  const task = { kind: "task", mapped: false, cluster: null, box } as const;
  const structure = {
    nodes: [
      { ...task, id: "load", text: "load" },
      { ...task, id: "load × 3", text: "load × 3", kind: "folded", inside: ["load-2", "load-3"] },
    ],
    clusters: [{ id: "db", box, inside: ["db.setup"] }],
  } as unknown as Structure;
  expect(hitsIn(structure, " LOAD ").names).toEqual(["load", "load-2", "load-3"]);
  expect([...hitsIn(structure, "-3").keys]).toEqual(["node load × 3"]);
  expect([...hitsIn(structure, "setup").keys]).toEqual(["cluster db"]);
  expect(hitsIn(structure, "").names).toEqual([]);
});

test("a search and its names know all of a long name, of which an id lacks the middle", () => {
  const box = [0, 0, 1, 1] as const;
  const long = { id: "load_…_2026", name: "load_the_orders_2026", text: "load_…_2026", box };
  const structure = {
    nodes: [{ ...long, kind: "task", mapped: false, cluster: null }],
    clusters: [{ ...long, manager: "Machine", mapped: false, notes: [], inside: [] }],
  } as unknown as Structure;
  const [node, cluster] = [structure.nodes[0], structure.clusters[0]];
  expect(hitsIn(structure, "orders").names).toEqual(["load_…_2026"]);
  expect([...hitsIn(structure, "orders").keys]).toEqual([
    "node load_…_2026",
    "cluster load_…_2026",
  ]);
  expect(node && nodeName(node, 3, [], "")).toBe("load_the_orders_2026, task, success");
  expect(cluster && clusterName(cluster, "open")).toContain("load_the_orders_2026 = Machine");
  const model = { ...NOTHING, structure };
  expect(nameOf(model, { what: "node", id: "load_…_2026" })).toBe("load_the_orders_2026");
  expect(nameOf(model, { what: "node", id: "gone" })).toBe("gone");
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
