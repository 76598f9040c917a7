// What Python and TypeScript both say of a value is the same; tools/wire.py writes the examples.
import { expect, test } from "vitest";
import { parsed } from "../src/widget/controls/fields";
import { barLabel, shortened } from "../src/widget/timeline/layout";
import { countsText, durationText } from "../src/widget/words";
import { Count, Field } from "../src/wire/frames";
import examples from "./examples.json";

const { bars, durations, labels, tallies, values } = examples as unknown as {
  readonly bars: readonly (readonly [string, number, number, string])[];
  readonly durations: readonly (readonly [number, string])[];
  readonly labels: readonly (readonly [number, string, string])[];
  readonly tallies: readonly (readonly [readonly Count[], string])[];
  readonly values: readonly (readonly [Field, string, unknown])[];
};

test.each(durations)("%f seconds", (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

test.each(bars)("the bar of %s, item %i, × %i", (task, item, many, text) => {
  expect(barLabel(task, item, many)).toBe(text);
});

test.each(labels)("a label of at most %i characters: %s", (most, label, text) => {
  expect(shortened(label, most)).toBe(text);
});

test.each(tallies)("the counts %j", (counts, text) => {
  expect(counts.map((one) => Count(one, ""))).toEqual(counts.map(() => ""));
  expect(countsText(counts)).toBe(text);
});

test.each(values)("what is typed into the field %j: %j", (field, text, value) => {
  expect(Field(field, "")).toBe("");
  expect(parsed(field, text)).toEqual({ value });
});
