// Leases as the server tells of them: messages in, values out. Pure.
//
// Names and reasons come from users' code; whatever a message holds, each field has its own type.

export interface Lease {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Whether its kernel is *alive*, *dead* or *unknown*. */
  readonly kernel: string;
  /** The Jupyter kernel that holds it; null if this server has none such. */
  readonly kernel_id: string | null;
  /** The notebook's name, or the folder. */
  readonly notebook: string;
  /** One line on it for people. */
  readonly note: string;
  /** Why only its kernel can clean it up; "" if others can. */
  readonly unprotected: string;
  /** Likewise while it is being set up. */
  readonly unfindable: string;
  readonly created: number;
  readonly ttl: number | null;
  readonly keep: number | null;
  readonly keep_until: number | null;
  readonly protected: boolean;
  readonly ends_with_kernel: boolean;
  /** To be cleaned up, and not begun. */
  readonly asked: boolean;
  /** It survives its kernel now. */
  readonly kept: boolean;
  /** Its kernel has ended, and it is not kept. */
  readonly orphan: boolean;
  /** Failed, and not tried again unless asked for. */
  readonly given_up: boolean;
}

export interface LeaseList {
  /** The Python package's version. */
  readonly version: string;
  /** The server's clock, in seconds since the epoch. */
  readonly now: number;
  readonly leases: readonly Lease[];
  /** How many there are; more than are listed if there are very many. */
  readonly total: number;
  /** Why the ledger cannot be read; "" if it can. */
  readonly error: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The list in a message; null if it is none. */
export function listIn(message: unknown): LeaseList | null {
  if (!isFields(message) || !Array.isArray(message["leases"])) {
    return null;
  }
  const found = message["leases"].filter(isFields).map(leaseIn);
  const leases = found.filter(({ id }) => id !== "");
  return {
    version: text(message, "version"),
    now: number(message, "now") ?? 0,
    leases,
    total: number(message, "total") ?? leases.length,
    error: text(message, "error"),
  };
}

function leaseIn(fields: Fields): Lease {
  const kernel = fields["kernel_id"];
  return {
    id: text(fields, "id"),
    name: text(fields, "name"),
    state: text(fields, "state"),
    kernel: text(fields, "kernel"),
    kernel_id: typeof kernel === "string" ? kernel : null,
    notebook: text(fields, "notebook"),
    note: text(fields, "note"),
    unprotected: text(fields, "unprotected"),
    unfindable: text(fields, "unfindable"),
    created: number(fields, "created") ?? 0,
    ttl: number(fields, "ttl"),
    keep: number(fields, "keep"),
    keep_until: number(fields, "keep_until"),
    protected: fields["protected"] === true,
    ends_with_kernel: fields["ends_with_kernel"] === true,
    asked: fields["asked"] === true,
    kept: fields["kept"] === true,
    orphan: fields["orphan"] === true,
    given_up: fields["given_up"] === true,
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

function number(fields: Fields, name: string): number | null {
  const value = fields[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
