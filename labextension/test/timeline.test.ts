import { describe, expect, test } from "vitest";
import { layoutOf } from "../src/widget/timeline/layout";
import { frameIn } from "../src/widget/frames";
import { after, NOTHING } from "../src/widget/model";
import type { BandInfo, TimelineInfo } from "../src/wire/frames";

const band: BandInfo = {
  id: "client",
  lease: "closed",
  words: "open 6.00 s, idle 50 %",
  setup: [0, 2],
  open: [2, 8],
  cleanup: [8, 9],
  used: [[3, 6]],
};
const timeline: TimelineInfo = {
  flow: 3,
  seconds: 10,
  first: 0,
  last: 10,
  ticks: [
    [0, "0 s"],
    [5, "5 s"],
    [10, "10 s"],
  ],
  names: ["client.setup", "load", "square"],
  kinds: ["setup", "task", "task"],
  lanes: [
    { label: "client", kind: "scope", bars: [[0, 2, 3, 0, -1, 1, 2]] },
    {
      label: "worker 1",
      kind: "worker",
      bars: [
        [0, 5, 3, 1, -1, 1, 5],
        [5, 5.001, 7, 2, 17, 1, 0.001],
        [6, 10, 3, -1, -1, 1200, 3.5],
      ],
    },
  ],
  bands: [band],
  more: 0,
};

describe("a timeline", () => {
  const found = layoutOf(timeline, 900);
  const [setup, load, square, many] = found.bars;

  test("has its bars where their times are", () => {
    const middle = (found.left + found.right) / 2;
    expect(load?.box[0]).toBe(found.left);
    expect((load?.box[0] ?? 0) + (load?.box[2] ?? 0)).toBeCloseTo(middle);
    expect((many?.box[0] ?? 0) + (many?.box[2] ?? 0)).toBeCloseTo(found.right);
    expect(found.ticks[1]?.x).toBeCloseTo(middle);
    expect([found.ticks[0]?.x, found.ticks[2]?.x]).toEqual([found.left, found.right]);
  });

  test("keeps everything inside its size, and lanes apart", () => {
    const [width, height] = found.size;
    for (const { box } of found.bars) {
      expect(box[0]).toBeGreaterThanOrEqual(found.left);
      expect(box[0] + box[2]).toBeLessThanOrEqual(width);
      expect(box[1] + box[3]).toBeLessThanOrEqual(height);
    }
    expect((setup?.box[1] ?? 0) + (setup?.box[3] ?? 0)).toBeLessThan(load?.box[1] ?? 0);
  });

  test("says all that its picture says", () => {
    expect(load?.name).toBe("load, success, 5.00 s, on worker 1");
    expect(square?.name).toBe("square[17], failed, 1 ms, on worker 1");
    expect(many?.name).toBe("1,200 tasks, success, 3.50 s of work, on worker 1");
    expect([load?.text, square?.text, setup?.text]).toEqual(["load", "", ""]);
    expect([load?.node, square?.node, many?.node]).toEqual(["load", "square", ""]);
    expect([setup?.isStep, load?.isStep, square?.isNarrow]).toEqual([true, false, true]);
  });

  test("has the ends of long names where there is little room, and all of them to be read", () => {
    const [name, whole] = ["load_orders_of_…_2026", "load_orders_of_the_north_2026"];
    const one = { ...timeline, names: timeline.names.map((was) => (was === "load" ? name : was)) };
    const narrow = layoutOf(one, 300, () => whole);
    const bar = narrow.bars.find(({ node }) => node === name);
    expect(bar?.text).toMatch(/^load.*….*26$/);
    expect(bar?.text.length).toBeLessThan(name.length);
    expect(bar?.name).toBe(`${whole}, success, 5.00 s, on worker 1`);
    const lanes = timeline.lanes.map((lane) => ({ ...lane, label: "a_machine_with_a_long_name" }));
    const { left, labels } = layoutOf({ ...timeline, lanes }, 300);
    expect([left < 150, labels[0]?.text.endsWith("name")]).toEqual([true, true]);
  });

  test("has a band from the set-up to the clean-up, and behind the lanes below", () => {
    const [one] = found.bands;
    const x = (seconds: number): number => found.left + ((found.right - found.left) * seconds) / 10;
    expect(one?.open?.[0]).toBeCloseTo(x(2));
    expect(one?.open?.[2]).toBeCloseTo(x(8) - x(2));
    expect(one?.used[0]?.[2]).toBeCloseTo(x(6) - x(3));
    expect(one?.steps.map(([left]) => left)).toEqual([x(8)]); // the set-up has a bar
    expect((one?.shade?.[1] ?? 0) + (one?.shade?.[3] ?? 0)).toBe(found.bottom);
    expect(one?.goesOn).toEqual([false, false]);
    expect(found.labels[0]).toMatchObject({ text: "client", lease: "closed" });
  });

  test("cuts off what was open before and goes on after", () => {
    const long = { ...band, open: [-100, 900] as const, setup: null, cleanup: null };
    const [one] = layoutOf({ ...timeline, first: -0.6, bands: [long] }, 900).bands;
    expect(one?.goesOn).toEqual([true, true]);
    expect(one?.open?.[0]).toBe(found.left);
    expect((one?.open?.[0] ?? 0) + (one?.open?.[2] ?? 0)).toBe(found.right);
  });

  test("keeps words of a late band in sight, and one without an open time has none", () => {
    const late = { ...band, setup: [9.9, 10] as const, open: null, cleanup: null, used: [] };
    const [one] = layoutOf({ ...timeline, bands: [late] }, 900).bands;
    expect((one?.words[0] ?? 0) + late.words.length * 5).toBeLessThan(900);
    expect([one?.open, one?.shade]).toEqual([null, null]);
  });

  test("of nothing is empty, and of a narrow page still has room", () => {
    expect(layoutOf({ ...timeline, lanes: [], bands: [] }, 900).bars).toEqual([]);
    const narrow = layoutOf(timeline, 20);
    expect(narrow.right).toBeGreaterThan(narrow.left);
  });
});

test("a view keeps the latest timeline", () => {
  const frame = { frame: "timeline", timeline } as const;
  expect(frameIn(frame)).toBe(frame);
  expect(after(NOTHING, frame).timeline).toBe(timeline);
  expect(after(after(NOTHING, frame), { frame: "timeline", timeline: null }).timeline).toBeNull();
});
