import { describe, expect, test } from "vitest";
import { withCarriageReturns, EMPTY, appended, LONGEST } from "../src/widget/inspector/log";
import type { LogNews } from "../src/wire/frames";

const news = (since: number | null, start: number, text: string): LogNews => ({
  to: "me",
  what: "node",
  id: "load",
  name: "log",
  since,
  start,
  end: start + text.length,
  text,
});

describe("a log that is followed", () => {
  test("grows at its end", () => {
    const log = [news(0, 0, "one\n"), news(4, 4, "two\n")].reduce(appended, EMPTY);
    expect(log).toEqual({ end: 8, text: "one\ntwo\n" });
  });

  test("shows the end where something is missing between", () => {
    const log = appended(appended(EMPTY, news(0, 0, "one\n")), news(4, 90, "later\n"));
    expect(log).toEqual({ end: 96, text: "…\nlater\n" });
  });

  test("is shown anew if it does not go on where it ended", () => {
    const log = appended(appended(EMPTY, news(0, 0, "one\n")), news(0, 0, "one\ntwo\n"));
    expect(log.text).toBe("one\ntwo\n");
    expect(appended(EMPTY, news(500, 500, "end")).text).toBe("…\nend");
  });

  test("gives way to that of another run", () => {
    const log = appended(appended(EMPTY, news(0, 0, "one\n")), news(null, 0, ""));
    expect(log).toEqual(EMPTY);
  });

  test("never gets too long", () => {
    let log = EMPTY;
    for (let line = 0; line < 1000; line += 1) {
      log = appended(log, news(log.end, log.end, `${"x".repeat(99)}\n`));
      expect(log.text.length).toBeLessThanOrEqual(LONGEST);
    }
    expect(log.end).toBe(100_000);
    expect(log.text.startsWith("…\n")).toBe(true);
  });
});

test("a carriage return goes back to the beginning of its line", () => {
  expect(withCarriageReturns("10%\r20%\r30%")).toBe("30%");
  expect(withCarriageReturns("a\r\nb\r\n")).toBe("a\nb\n");
  expect(withCarriageReturns("done\r100%\nnext\r")).toBe("100%\nnext\r");
  expect(withCarriageReturns("plain\ntext")).toBe("plain\ntext");
});
