// The output of a cell that shows a flow. Pure.
import { MODEL_PREFIX, OUTPUT_PREFIX } from "../../wire/vocabulary";

/** The MIME type of a widget's view. */
export const VIEW = "application/vnd.jupyter.widget-view+json";

/** The MIME type of the widgets' state in a notebook's metadata. */
const STATE = "application/vnd.jupyter.widget-state+json";

/** The MIME type of this extension's renderer; no notebook contains it. */
export const FLOW = "application/x-resnb-flow+json";

const PREFIXES = [MODEL_PREFIX, OUTPUT_PREFIX];

type Bundle = Readonly<Record<string, unknown>>;

/** The id of the model of a flow's output; null if the output shows something else. */
export function modelOf(bundle: Bundle): string | null {
  const view = bundle[VIEW];
  const id = isRecord(view) ? view["model_id"] : null;
  return typeof id === "string" && id.startsWith(OUTPUT_PREFIX) ? id : null;
}

/** The id of the model of the flow in an output. */
export function flowIn(output: string): string {
  return `${MODEL_PREFIX}${output.slice(OUTPUT_PREFIX.length)}`;
}

/** The types that need no kernel: picture and text. */
export function withoutView<T>(bundle: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(bundle).filter(([form]) => form !== VIEW));
}

/** Whether a notebook's metadata hold the state of a model. */
export function isSaved(metadata: unknown, id: string): boolean {
  return Object.hasOwn(stateIn(metadata), id);
}

/** The metadata without the state of flows: unchanged if there is none, null if nothing is left. */
export function withoutFlows(metadata: unknown): unknown {
  const state = stateIn(metadata);
  const isOurs = (id: string): boolean => PREFIXES.some((one) => id.startsWith(one));
  const flows = Object.keys(state).filter(isOurs);
  if (!isRecord(metadata) || flows.length === 0) {
    return metadata;
  }
  const gone = new Set(flows);
  for (const id of gone) {
    partsOf(state[id]).forEach((part) => gone.add(part)); // which are looked at in turn
  }
  const left = Object.entries(state).filter(([id]) => !gone.has(id));
  const saved = metadata[STATE];
  return left.length === 0
    ? null
    : { ...metadata, [STATE]: { ...(saved as object), state: Object.fromEntries(left) } };
}

function stateIn(metadata: unknown): Readonly<Record<string, unknown>> {
  const saved = isRecord(metadata) ? metadata[STATE] : null;
  const state = isRecord(saved) ? saved["state"] : null;
  return isRecord(state) ? state : {};
}

/** The ids of the models that belong to a model: its layout, its style, its children. */
function partsOf(model: unknown): readonly string[] {
  const found = JSON.stringify(model ?? null).matchAll(/"IPY_MODEL_([^"]+)"/g);
  return [...found].map(([, id]) => id ?? "");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
