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
    case "choice":
    case "date":
      return trimmed === "" ? { error: `${name} is required` } : { value: trimmed };
    case "datetime":
      return /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(trimmed)
        ? { value: trimmed }
        : { error: `${name} takes a date and a time, such as 2026-02-28T09:30` };
    case "list":
    case "dict":
      return json(name, field.kind, trimmed);
    default:
      return { value: trimmed === "" ? null : plain(trimmed) };
  }
}

function json(name: string, kind: "list" | "dict", text: string): Parsed {
  try {
    const found: unknown = JSON.parse(text);
    const isList = Array.isArray(found);
    if (typeof found === "object" && found !== null && isList === (kind === "list")) {
      return { value: text };
    }
  } catch (error) {
    return { error: `${name} is no JSON: ${error instanceof Error ? error.message : ""}` };
  }
  return {
    error: kind === "list" ? `${name} takes a list: [ ... ]` : `${name} takes a dict: { ... }`,
  };
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
