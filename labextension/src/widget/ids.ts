// Names that nothing else has, also in pages that are no secure context, as of a server in the local
// network without HTTPS: `crypto.randomUUID` is missing there.

export function uniqueId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}
