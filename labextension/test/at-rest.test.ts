import { describe, expect, test } from "vitest";
import {
  flowIn,
  isSaved,
  modelOf,
  VIEW,
  withoutFlows,
  withoutView,
} from "../src/lab/at-rest/bundle";
import { moreText } from "../src/lab/at-rest/cell-line";

const STATE = "application/vnd.jupyter.widget-state+json";

function bundle(id: unknown): Record<string, unknown> {
  return { [VIEW]: { version_major: 2, model_id: id }, "image/png": "png", "text/plain": "text" };
}

describe("an output", () => {
  test("is ours by the id of its model, whatever it may hold", () => {
    expect(modelOf(bundle("resnb.output-12"))).toBe("resnb.output-12");
    expect(flowIn("resnb.output-12")).toBe("resnb-12");
    expect([bundle("12"), bundle(3), bundle(undefined), {}, { [VIEW]: null }].map(modelOf)).toEqual(
      Array(5).fill(null),
    );
  });

  test("has a form that needs no kernel", () => {
    expect(withoutView(bundle("resnb-12"))).toEqual({ "image/png": "png", "text/plain": "text" });
  });
});

describe("the saved state of widgets", () => {
  const mine = { state: { layout: "IPY_MODEL_a" } };
  const box = { state: { children: ["IPY_MODEL_still", "IPY_MODEL_resnb-1"] } };
  const still = { state: { style: "IPY_MODEL_style", value: "in IPY_MODEL_b" } };
  const flow = { "resnb-1": mine, "resnb.output-1": box, still, style: {}, a: {} };
  const saved = { [STATE]: { version_major: 2, state: { ...flow, b: {} } }, x: 1 };

  test("tells which models it holds", () => {
    expect(isSaved(saved, "resnb-1")).toBe(true);
    expect([saved, undefined, { [STATE]: 3 }].map((one) => isSaved(one, "resnb-2"))).toEqual(
      Array(3).fill(false),
    );
  });

  test("loses the flows and what belongs to them, and nothing else", () => {
    expect(withoutFlows(saved)).toEqual({ [STATE]: { version_major: 2, state: { b: {} } }, x: 1 });
    expect(isSaved(saved, "resnb-1")).toBe(true);
    const others = { [STATE]: { state: { b: {} } } };
    expect(withoutFlows(others)).toBe(others);
    expect(withoutFlows(undefined)).toBe(undefined);
    expect(withoutFlows({ [STATE]: { state: { "resnb-1": {} } } })).toBe(null);
  });
});

describe("the line of a cell", () => {
  test("counts the tasks that it does not name", () => {
    expect([moreText(0, 2), moreText(4, 2), moreText(5000, 0), moreText(1, 0)]).toEqual([
      "",
      "+4",
      "5,000 tasks",
      "1 task",
    ]);
  });
});
