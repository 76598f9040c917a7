// The form for a flow's parameters; values are checked before a run is requested.
import { html, setText, set } from "../dom";
import { parsed, shown } from "./fields";
import type { Field, Value } from "../../wire/frames";

type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

interface Row {
  readonly field: Field;
  readonly input: Input;
  readonly error: HTMLElement;
}

const HINTS: Readonly<Partial<Record<Field["kind"], string>>> = {
  list: "a JSON list",
  dict: "a JSON object",
  date: "year-month-day",
  datetime: "a date and a time",
  other: "set this in code",
};

let forms = 0;

export class Form {
  readonly element = html("form", { class: "form", hidden: true, "aria-label": "parameters" });
  private fields: readonly Field[] = [];
  private rows: readonly Row[] = [];
  private readonly prefix = `resnb-form-${(forms += 1)}`;

  constructor(submitted: () => void) {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      submitted();
    });
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation(); // typing here must not trigger the notebook's shortcuts
    });
  }

  show(fields: readonly Field[]): void {
    if (JSON.stringify(fields) === JSON.stringify(this.fields)) {
      return; // what was typed stays
    }
    const typed = new Map(this.rows.map(({ field, input }) => [field.name, inputText(input)]));
    const before = new Map(this.fields.map((field) => [field.name, JSON.stringify(field)]));
    this.fields = fields;
    this.rows = fields.map((field, place) => {
      const row = this.row(field, place);
      const text = typed.get(field.name);
      if (text !== undefined && before.get(field.name) === JSON.stringify(field)) {
        fill(row.input, text);
      }
      return row;
    });
    this.element.replaceChildren(
      ...this.rows.map(({ field, input, error }) =>
        html(
          "div",
          { class: "field" },
          html("label", { for: input.id, title: field.name }, field.name),
          input,
          html("span", { class: "hint", id: `${input.id}-hint` }, HINTS[kindOf(field)] ?? ""),
          error,
        ),
      ),
    );
    set(this.element, { hidden: fields.length === 0 });
  }

  /** The values that differ from the defaults; null if one is invalid, which the form then shows. */
  values(): Readonly<Record<string, Value>> | null {
    const found: Record<string, Value> = {};
    let wrong: Input | null = null;
    for (const { field, input, error } of this.rows) {
      if (!field.editable) {
        continue;
      }
      const text = inputText(input);
      const isUntouched = !field.required && text === shown(field);
      const one = isUntouched ? { value: field.default } : parsed(field, text);
      setText(error, "error" in one ? one.error : "");
      set(input, { "aria-invalid": "error" in one });
      if ("error" in one) {
        wrong ??= input;
      } else if (!isUntouched) {
        found[field.name] = one.value;
      }
    }
    wrong?.focus();
    return wrong === null ? found : null;
  }

  private row(field: Field, place: number): Row {
    const id = `${this.prefix}-${place}`;
    const input = inputOf(field);
    set(input, {
      id,
      placeholder: field.required ? "required" : field.default === null ? "None" : "",
      disabled: !field.editable,
      "aria-describedby": `${id}-hint ${id}-error`,
      autocomplete: "off",
    });
    fill(input, shown(field));
    return {
      field,
      input,
      error: html("span", { id: `${id}-error`, class: "error", role: "alert" }),
    };
  }
}

/** What cannot be edited is set in code, whatever its kind. */
function kindOf({ kind, editable }: Field): Field["kind"] {
  return editable ? kind : "other";
}

function inputOf(field: Field): Input {
  const { kind, choices } = field;
  switch (kindOf(field)) {
    case "choice":
      return html("select", {}, ...(choices ?? []).map((one) => html("option", {}, one)));
    case "list":
    case "dict":
      return html("textarea", { rows: Math.min(6, 1 + Math.floor(shown(field).length / 36)) });
    case "bool":
      return html("input", { type: "checkbox" });
    case "date":
      return html("input", { type: "date" });
    default: {
      const inputmode = kind === "int" ? "numeric" : kind === "float" ? "decimal" : "text";
      return html("input", { type: "text", inputmode });
    }
  }
}

function isBox(input: Input): input is HTMLInputElement {
  return input instanceof HTMLInputElement && input.type === "checkbox";
}

function inputText(input: Input): string {
  return isBox(input) ? String(input.checked) : input.value;
}

function fill(input: Input, text: string): void {
  if (isBox(input)) {
    input.checked = text === "true";
  } else {
    input.value = text;
  }
}
