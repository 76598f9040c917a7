// Checks messages against their types, as resnb/wire.py does in Python. Pure.
//
// A check returns the first fault, such as `nodes[3].id is missing`, or "". TypeScript infers the type
// of what passes.

export interface Check<T> {
  (value: unknown, at: string): string;
  /** For the compiler only. */
  readonly type?: T;
}

interface Optional<T> extends Check<T> {
  readonly isOptional: true;
}

interface RecordCheck<F extends Fields> extends Check<FieldsOf<F>> {
  readonly fields: F;
}

type Fields = Readonly<Record<string, Check<unknown>>>;

type FieldsOf<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Optional<unknown> ? never : K]: Of<F[K]>;
} & {
  readonly [K in keyof F as F[K] extends Optional<unknown> ? K : never]?: Of<F[K]>;
};

/** The type of what passes a check. */
export type Of<C> = C extends Check<infer T> ? T : never;

function plain<T>(name: string, isOne: (value: unknown) => boolean): Check<T> {
  return (value, at) => (isOne(value) ? "" : wrong(value, at, `is no ${name}`));
}

function wrong(value: unknown, at: string, what: string): string {
  return `${at === "" ? "the message" : at} ${value === undefined ? "is missing" : what}`;
}

export const text = plain<string>("text", (value) => typeof value === "string");
export const number = plain<number>("number", Number.isFinite);
export const flag = plain<boolean>("truth value", (value) => typeof value === "boolean");

export function oneOf<const V extends readonly unknown[]>(...values: V): Check<V[number]> {
  return (value, at) =>
    values.includes(value) ? "" : wrong(value, at, `is none of ${values.join(", ")}`);
}

export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, at) => (value === null ? "" : check(value, at));
}

/** For a field that may be missing. */
export function optional<T>(check: Check<T>): Optional<T> {
  return Object.assign(
    (value: unknown, at: string) => (value === undefined ? "" : check(value, at)),
    { isOptional: true as const },
  );
}

export function list<T>(check: Check<T>): Check<readonly T[]> {
  return (value, at) =>
    Array.isArray(value)
      ? first(value, (one, place) => check(one, `${at}[${place}]`))
      : wrong(value, at, "is no list");
}

export function tuple<const C extends readonly Check<unknown>[]>(
  ...checks: C
): Check<{ readonly [K in keyof C]: Of<C[K]> }> {
  return (value, at) =>
    Array.isArray(value) && value.length === checks.length
      ? first(checks, (check, place) => check(value[place], `${at}[${place}]`))
      : wrong(value, at, `is no list of ${checks.length}`);
}

/** An object whose values are all alike. */
export function table<T>(check: Check<T>): Check<Readonly<Record<string, T>>> {
  return (value, at) =>
    isObject(value)
      ? first(Object.entries(value), ([key, one]) => check(one, `${at}.${key}`))
      : wrong(value, at, "is no table");
}

/** An object with at least these fields. */
export function record<F extends Fields>(fields: F): RecordCheck<F> {
  const dot = (at: string): string => (at === "" ? "" : `${at}.`);
  const check: Check<FieldsOf<F>> = (value, at) =>
    isObject(value)
      ? first(Object.entries(fields), ([name, one]) => one(value[name], `${dot(at)}${name}`))
      : wrong(value, at, "is no table");
  return Object.assign(check, { fields });
}

/** One of several types; the field `tag` distinguishes records. */
export function union<const C extends readonly Check<unknown>[]>(
  tag: string,
  ...variants: C
): Check<Of<C[number]>> {
  return (value, at) => {
    if (variants.some((one) => one(value, at) === "")) {
      return "";
    }
    const meant = variants.find(
      (one) => isObject(value) && isRecord(one) && one.fields[tag]?.(value[tag], "") === "",
    );
    return meant?.(value, at) ?? wrong(value, at, "has none of its forms");
  };
}

function isRecord(check: Check<unknown>): check is RecordCheck<Fields> {
  return "fields" in check;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function first<T>(items: readonly T[], fault: (item: T, place: number) => string): string {
  for (const [place, item] of items.entries()) {
    const found = fault(item, place);
    if (found !== "") {
      return found;
    }
  }
  return "";
}
