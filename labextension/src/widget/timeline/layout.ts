// The layout of a timeline, in pixels. Pure.
import type {
  BandInfo,
  BarInfo,
  Box,
  Interval,
  LaneInfo,
  LeaseState,
  StateCode,
  TimelineInfo,
} from "../../wire/frames";
import type { Subject } from "../subject";
import { taskLook } from "../vocabulary";
import { durationText } from "../words";

const SIDE = 10;
const TOP = 8;
const SCOPE = 38;
const WORKER = 20;
const BAR = 14;
const AXIS = 20;
const LETTER = 6.1; // the rough width of a character
const SMALL = 5.2;
const LONGEST = 24; // characters of a lane's label, where there is room for them
const SHARE = 0.4; // of a narrow picture, for the labels
const FEWEST = 8; // characters of a long name that say something
const NARROW = 3;
const LEAST = 1.5; // so that it can be seen
const STEPS: ReadonlySet<string> = new Set(["setup", "cleanup"]);

const number = new Intl.NumberFormat("en");

export interface PlacedBar {
  /** Identifies the bar in each picture of a run. */
  readonly key: string;
  readonly box: Box;
  readonly code: StateCode;
  /** Its name for screen readers and its tooltip. */
  readonly name: string;
  /** The text on it; "" if there is no room. */
  readonly text: string;
  /** Its task; "" if it stands for several. */
  readonly node: string;
  readonly isStep: boolean;
  readonly isNarrow: boolean;
}

export interface PlacedBand {
  readonly info: BandInfo;
  /** The area that can be clicked. */
  readonly row: Box;
  readonly words: readonly [number, number];
  readonly open: Box | null;
  readonly used: readonly Box[];
  /** Its set-up and clean-up, unless the run has bars for them. */
  readonly steps: readonly Box[];
  /** The open time, behind the lanes below. */
  readonly shade: Box | null;
  /** Whether it goes on before the start and after the end of the picture. */
  readonly goesOn: readonly [boolean, boolean];
}

export interface TimelineLayout {
  readonly size: readonly [number, number];
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
  readonly labels: readonly { text: string; y: number; lease: LeaseState | null }[];
  readonly lines: readonly number[];
  readonly ticks: readonly { x: number; label: string }[];
  readonly bars: readonly PlacedBar[];
  readonly bands: readonly PlacedBand[];
}

/** Knows the whole name of a task or a resource. */
export type NameOf = (subject: Subject) => string;

/** The layout of a picture that is `width` pixels wide. */
export function layoutOf(
  timeline: TimelineInfo,
  width: number,
  nameOf: NameOf = ({ id }) => id,
): TimelineLayout {
  const most = Math.max(FEWEST, Math.min(LONGEST, Math.floor((SHARE * width) / LETTER)));
  const labels = timeline.lanes.map(({ label }) => shortened(label, most));
  const longest = Math.max(0, ...labels.map((label) => label.length));
  const left = SIDE + longest * LETTER + SIDE;
  const right = Math.max(left + 60, width - SIDE);
  const { first, last } = timeline;
  const x = (seconds: number): number => {
    const part = (seconds - first) / (last - first);
    return left + (right - left) * Math.min(1, Math.max(0, part));
  };
  const tops: number[] = [];
  let bottom = TOP;
  for (const { kind } of timeline.lanes) {
    tops.push(bottom);
    bottom += kind === "scope" ? SCOPE : WORKER;
  }
  const bands = new Map(timeline.bands.map((band) => [band.id, band]));
  const at = { x, right, bottom, last };
  const rows = timeline.lanes.map((lane, place) => {
    const top = tops[place] ?? 0;
    const isScope = lane.kind === "scope";
    const low = isScope ? top + SCOPE - BAR - 4 : top + (WORKER - BAR) / 2;
    const band = isScope ? bands.get(lane.label) : undefined;
    return {
      label: { text: labels[place] ?? "", y: low + BAR / 2, lease: band?.lease ?? null },
      bars: lane.bars.map((bar) => placedBar(timeline, lane, bar, low, { x, nameOf })),
      bands: band === undefined ? [] : [placedBand(band, kindsOf(timeline, lane), top, low, at)],
    };
  });
  return {
    size: [width, bottom + AXIS],
    left,
    right,
    bottom,
    labels: rows.map(({ label }) => label),
    lines: [...tops, bottom],
    ticks: timeline.ticks.map(([seconds, label]) => ({ x: x(seconds), label })),
    bars: rows.flatMap((row) => row.bars),
    bands: rows.flatMap((row) => row.bands),
  };
}

function placedBar(
  timeline: TimelineInfo,
  lane: LaneInfo,
  bar: BarInfo,
  low: number,
  { x, nameOf }: { x: (seconds: number) => number; nameOf: NameOf },
): PlacedBar {
  const [start, end, code, place, item, many, busy] = bar;
  const task = timeline.names[place] ?? "";
  const left = x(start);
  const wide = Math.max(x(end) - left, LEAST);
  const label = barLabel(task, item, many);
  const whole = barLabel(task === "" ? "" : nameOf({ what: "node", id: task }), item, many);
  const isStep = STEPS.has(timeline.kinds[place] ?? "");
  const took = many > 1 ? `${durationText(busy)} of work` : durationText(end - start);
  return {
    key: `${lane.label}/${start}`,
    box: [left, low, wide, BAR],
    code,
    name: [whole, taskLook(code).word, took, `on ${lane.label}`].join(", "),
    text: isStep ? "" : fitting(label, Math.floor((wide - 6) / SMALL)),
    node: task,
    isStep,
    isNarrow: wide < NARROW,
  };
}

function kindsOf({ kinds }: TimelineInfo, { bars }: LaneInfo): ReadonlySet<string> {
  return new Set(bars.map(([, , , place]) => kinds[place] ?? ""));
}

function placedBand(
  band: BandInfo,
  kinds: ReadonlySet<string>,
  top: number,
  low: number,
  at: { x: (seconds: number) => number; right: number; bottom: number; last: number },
): PlacedBand {
  const { x, right, bottom, last } = at;
  const box = ([start, end]: Interval, above: number, below: number): Box => [
    x(start),
    above,
    Math.max(x(end) - x(start), 1),
    below - above,
  ];
  const { open } = band;
  const begins = [band.setup, open, band.cleanup].find((one) => one !== null)?.[0] ?? 0;
  const words = Math.min(x(begins), right - band.words.length * SMALL);
  return {
    info: band,
    row: [0, top, right, low + BAR - top],
    words: [words, top + 11],
    open: open === null ? null : box(open, low + 1, low + BAR - 1),
    used: band.used.map((one) => box(one, low + 1, low + BAR - 1)),
    steps: [kinds.has("setup") ? null : band.setup, kinds.has("cleanup") ? null : band.cleanup]
      .filter((one) => one !== null)
      .filter(([start]) => start < last)
      .map((one) => box(one, low + 1, low + BAR - 1)),
    shade: open === null ? null : box(open, low + BAR, bottom),
    goesOn: open === null ? [false, false] : [open[0] < 0, open[1] > last],
  };
}

/** `load`, `square[17]`, `square × 118` or `118 tasks`. */
export function barLabel(task: string, item: number, many: number): string {
  if (task === "") {
    return `${number.format(many)} ${many === 1 ? "task" : "tasks"}`;
  }
  if (many > 1) {
    return `${task} × ${number.format(many)}`;
  }
  return item < 0 ? task : `${task}[${item}]`;
}

/** As much of a name as `most` characters have room for; "" if that would say nothing. */
function fitting(name: string, most: number): string {
  return name.length <= most || most >= FEWEST ? shortened(name, most) : "";
}

/** `text` without its middle if it is longer than `most` characters. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const head = Math.floor((2 * most) / 3);
  return `${text.slice(0, head)}…${text.slice(text.length - (most - head - 1))}`;
}
