// Whether the extension has the Python package's version. Pure.
import { asPython } from "../../widget/version";

/** What to say if the extension's version differs from that of the server's package; else "". */
export function difference(extension: string, server: string): string {
  const mine = asPython(extension);
  return server === "" || mine === server
    ? ""
    : `This page has resnb ${mine}, the server ${server}: reload the page; if that does not help, install resnb again.`;
}
