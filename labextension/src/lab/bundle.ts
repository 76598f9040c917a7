// What is in the output of a cell that shows a flow. Pure.

/** The form in which a widget's view is saved. */
export const VIEW = "application/vnd.jupyter.widget-view+json";

/** The form that our renderer stands for; it is in no notebook. */
export const FLOW = "application/x-resnb-flow+json";

const OURS = "resnb-"; // as resnb/notebook/widget.py names its models

type Bundle = Readonly<Record<string, unknown>>;

/** The id of the model of a flow; null if the output shows something else. */
export function modelOf(bundle: Bundle): string | null {
  const view = bundle[VIEW];
  const id = isRecord(view) ? view["model_id"] : null;
  return typeof id === "string" && id.startsWith(OURS) ? id : null;
}

/** The forms that need no kernel: picture and text. */
export function withoutView<T>(bundle: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(bundle).filter(([form]) => form !== VIEW));
}

/** Whether a notebook's metadata hold the state of a model. */
export function isSaved(metadata: unknown, id: string): boolean {
  const form = "application/vnd.jupyter.widget-state+json";
  const saved = isRecord(metadata) ? metadata[form] : null;
  const state = isRecord(saved) ? saved["state"] : null;
  return isRecord(state) && Object.hasOwn(state, id);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
