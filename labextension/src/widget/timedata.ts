// What the kernel sends of a run's timeline; times are in seconds since the run began.

export type Interval = readonly [number, number];

/** Start, end, state, place of the task in `names` (-1: several), item (-1: none), how many, and
 * the seconds of all of them together. */
export type BarInfo = readonly [number, number, number, number, number, number, number];

export interface LaneInfo {
  readonly label: string;
  readonly kind: "scope" | "worker" | "loop" | "more";
  readonly bars: readonly BarInfo[];
}

export interface BandInfo {
  readonly id: string;
  readonly lease: string;
  readonly words: string;
  readonly setup: Interval | null;
  readonly open: Interval | null;
  readonly cleanup: Interval | null;
  readonly used: readonly Interval[];
}

export interface TimelineInfo {
  readonly flow: number;
  readonly seconds: number;
  readonly first: number;
  readonly last: number;
  readonly ticks: readonly (readonly [number, string])[];
  readonly names: readonly string[];
  readonly kinds: readonly string[];
  readonly lanes: readonly LaneInfo[];
  readonly bands: readonly BandInfo[];
  readonly more: number;
}

/** The timeline of the latest run; null if there is none to tell of. */
export interface Timeline {
  readonly frame: "timeline";
  readonly timeline: TimelineInfo | null;
}
