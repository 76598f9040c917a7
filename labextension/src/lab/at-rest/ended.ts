// A flow whose kernel has ended, as a view can draw it: nothing runs any more, and each resource is
// what the server says has become of it.
import type { AnyModel, ModelEvent } from "../../widget/anywidget";
import type { Model } from "../../widget/model";
import type { Command } from "../../wire/commands";
import type { Count, Frame, LeaseState, StateCode } from "../../wire/frames";
import { CANCELLED, RETRYING, RUNNING } from "../../wire/vocabulary";
import type { FlowModel } from "../flows/flow-model";

const ENDED = "The kernel has ended. Run the cell to work with the flow.";
const QUIET: ReadonlySet<string> = new Set<Command["do"]>([
  "open",
  "close",
  "here",
  "inspect",
  "look_away",
  "timeline",
]);

/** The state of a flow once its kernel has ended. Pure. */
export function afterEnd(model: Model, leases: ReadonlyMap<string, LeaseState>): Model {
  const [total, done, failed, running] = model.tally;
  return {
    ...model,
    flow: ended(model.flow),
    codes: model.codes.map(ended),
    counts: new Map([...model.counts].map(([place, counts]) => [place, merged(counts)])),
    leases: model.leases.map(
      (state, place) => leases.get(model.structure?.clusters[place]?.id ?? "") ?? state,
    ),
    tally: [total, done, failed + running, 0],
    link: "",
  };
}

function ended(code: StateCode): StateCode {
  return code === RUNNING || code === RETRYING ? CANCELLED : code;
}

function merged(counts: readonly Count[]): readonly Count[] {
  const found = new Map<StateCode, number>();
  for (const [code, many] of counts) {
    found.set(ended(code), (found.get(ended(code)) ?? 0) + many);
  }
  return [...found];
}

/** Stands for the model of a kernel that has ended: draws what was known last, and does nothing. */
export class EndedModel implements AnyModel {
  private readonly listeners = {
    "msg:custom": new Set<(message: unknown) => void>(),
    "change:rest": new Set<(message: unknown) => void>(),
  };
  private leases: ReadonlyMap<string, LeaseState> = new Map();

  constructor(private readonly flow: FlowModel) {}

  get state(): Model {
    return afterEnd(this.flow.state, this.leases);
  }

  /** What has become of the resources, by the names of their clusters. */
  became(leases: ReadonlyMap<string, LeaseState>): void {
    if (JSON.stringify([...leases]) !== JSON.stringify([...this.leases])) {
      this.leases = leases;
      this.emit("change:rest", this.get());
    }
  }

  get(): readonly Frame[] {
    const { frames } = this.flow;
    const states = frames.get("states");
    const { state } = this;
    return [...frames.values()].flatMap((frame): Frame[] =>
      frame === states && frame.frame === "states" && state.structure !== null
        ? [
            {
              ...frame,
              version: state.structure.version,
              flow: state.flow,
              codes: [...state.codes],
              counts: [...state.counts].map(([place, counts]) => [place, [...counts]]),
              leases: [...state.leases],
              stacks: [...state.stacks].map(([place, counts]) => [place, [...counts]]),
              notes: [...state.notes],
              tally: state.tally,
              elapsed: state.elapsed,
              link: "",
            },
          ]
        : [frame],
    );
  }

  on(event: ModelEvent, listener: (message: unknown) => void): void {
    this.listeners[event].add(listener);
  }

  off(event: ModelEvent, listener: (message: unknown) => void): void {
    this.listeners[event].delete(listener);
  }

  send(message: unknown): void {
    const command = message as Command;
    this.answer({ frame: "taken", ask: command.ask });
    if (!QUIET.has(command.do) && !this.isFitting(command)) {
      this.answer({ frame: "said", text: ENDED, done: false });
    }
  }

  /** Whether a view only says how large it is; nobody has turned it. */
  private isFitting(command: Command): boolean {
    const { structure } = this.flow.state;
    return (
      command.do === "room" &&
      (command.direction === "fitting" || command.direction === structure?.direction)
    );
  }

  private answer(frame: Frame): void {
    queueMicrotask(() => {
      this.emit("msg:custom", frame);
    });
  }

  private emit(event: ModelEvent, message: unknown): void {
    for (const listener of [...this.listeners[event]]) {
      listener(message);
    }
  }
}
