// Parses what users type for a parameter, by the kind of its default. Pure.
import type { Field, Value } from "../../wire/frames";

export type Parsed = { readonly value: Value } | { readonly error: string };

/** The value of a text in a field, or why it is invalid. */
export function parsed(field: Field, text: string): Parsed {
  const name = field.name;
  const trimmed = text.trim();
  if (field.required && trimmed === "") {
    return { error: `${name} is required` };
  }
  switch (field.kind) {
    case "int":
      return /^[+-]?\d+$/.test(trimmed) && Number.isSafeInteger(Number(trimmed))
        ? { value: Number(trimmed) }
        : { error: `${name} takes a whole number` };
    case "float":
      return trimmed !== "" && Number.isFinite(Number(trimmed))
        ? { value: Number(trimmed) }
        : { error: `${name} takes a number` };
    case "bool":
      return { value: trimmed === "true" };
    case "str":
      return { value: text };
    default:
      return { value: trimmed === "" ? null : plain(trimmed) };
  }
}

/** A default's text in its field. */
export function shown({ default: value }: Field): string {
  return value === null ? "" : String(value);
}

/** A number or truth value if it looks like one, else text. */
function plain(text: string): Value {
  if (/^(?:True|true)$/.test(text)) {
    return true;
  }
  if (/^(?:False|false)$/.test(text)) {
    return false;
  }
  const number = Number(text);
  return Number.isFinite(number) && /^[+-]?(?:\d|\.\d)/.test(text) ? number : text;
}
