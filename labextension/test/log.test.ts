import { describe, expect, test } from "vitest";
import { collapsed, EMPTY, grown, LONGEST } from "../src/widget/inspector/log";
import { isFrame, type LogNews } from "../src/widget/protocol";

const news = (from: number | null, start: number, text: string): LogNews => ({
  to: "me",
  what: "node",
  id: "load",
  name: "log",
  from,
  start,
  end: start + text.length,
  text,
});

describe("a log that is followed", () => {
  test("grows at its end", () => {
    const log = [news(0, 0, "one\n"), news(4, 4, "two\n")].reduce(grown, EMPTY);
    expect(log).toEqual({ end: 8, text: "one\ntwo\n" });
  });

  test("shows the end where something is missing between", () => {
    const log = grown(grown(EMPTY, news(0, 0, "one\n")), news(4, 90, "later\n"));
    expect(log).toEqual({ end: 96, text: "…\nlater\n" });
  });

  test("is shown anew if it does not go on where it ended", () => {
    const log = grown(grown(EMPTY, news(0, 0, "one\n")), news(0, 0, "one\ntwo\n"));
    expect(log.text).toBe("one\ntwo\n");
    expect(grown(EMPTY, news(500, 500, "end")).text).toBe("…\nend");
  });

  test("gives way to that of another run", () => {
    const log = grown(grown(EMPTY, news(0, 0, "one\n")), news(null, 0, ""));
    expect(log).toEqual(EMPTY);
  });

  test("never gets too long", () => {
    let log = EMPTY;
    for (let line = 0; line < 1000; line += 1) {
      log = grown(log, news(log.end, log.end, `${"x".repeat(99)}\n`));
      expect(log.text.length).toBeLessThanOrEqual(LONGEST);
    }
    expect(log.end).toBe(100_000);
    expect(log.text.startsWith("…\n")).toBe(true);
  });
});

test("a carriage return goes back to the beginning of its line", () => {
  expect(collapsed("10%\r20%\r30%")).toBe("30%");
  expect(collapsed("a\r\nb\r\n")).toBe("a\nb\n");
  expect(collapsed("done\r100%\nnext\r")).toBe("100%\nnext\r");
  expect(collapsed("plain\ntext")).toBe("plain\ntext");
});

test.each(["inspected", "preview", "logs"])("%s is a frame", (frame) => {
  expect(isFrame({ frame })).toBe(true);
});
