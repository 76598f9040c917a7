// What becomes of a command that the kernel does not answer, and of one that it does.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FlowModel } from "../src/lab/flows/flow-model";
import { Channel } from "../src/widget/channel";
import type { Command } from "../src/wire/commands";

let sent: Command[];
let relayed: Command[];
let late: (readonly Command["do"][])[];
let model: FlowModel;
let life: AbortController;
let channel: Channel;

beforeEach(() => {
  vi.useFakeTimers();
  [sent, relayed, late] = [[], [], []];
  model = new FlowModel((message) => sent.push(message as Command));
  life = new AbortController();
  channel = new Channel(
    model,
    {
      received: () => undefined,
      relay: (command) => relayed.push(command) > 0,
      waits: (commands) => late.push(commands),
    },
    life.signal,
  );
});
afterEach(() => {
  life.abort();
  vi.useRealTimers();
});

function received(): void {
  // what the kernel says does not matter here
}

function answer(command: Command | undefined): void {
  model.received({ frame: "taken", ask: command?.ask });
}

test("a view has a name of its own, also in a page without HTTPS", () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const names = [0, 1].map(
    () => new Channel(model, { received, relay: () => false, waits: received }, life.signal).view,
  );
  vi.unstubAllGlobals();
  expect(new Set([...names, channel.view]).size).toBe(3);
  expect(names[0]).toMatch(/^[\da-f]{32}$/);
});

test("a command that is answered at once goes one way only", () => {
  channel.send({ do: "cancel" });
  answer(sent[0]);
  vi.advanceTimersByTime(60_000);
  expect([sent.length, relayed, late]).toEqual([1, [], []]);
});

test("a command that is not answered goes another way, and is said to wait until it is", () => {
  channel.send({ do: "cancel" });
  vi.advanceTimersByTime(400);
  expect(relayed).toEqual(sent);
  expect(late).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(late).toEqual([["cancel"]]);
  channel.send({ do: "open" });
  vi.advanceTimersByTime(2000);
  expect(late.at(-1)).toEqual(["cancel", "open"]);
  answer(sent[1]);
  answer(sent[0]);
  expect(late.slice(2)).toEqual([["cancel"], []]);
});

test("what needs no answer is not waited for, and nothing is after the end", () => {
  channel.send({ do: "here" });
  channel.send({ do: "cancel" });
  life.abort();
  vi.advanceTimersByTime(60_000);
  expect([relayed, late]).toEqual([[], []]);
  expect(model.heardBy).toBe(0);
});
