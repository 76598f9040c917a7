// Whether the front end is of the Python package's version. Pure.

/** A version of npm's form in Python's: `0.1.0-dev.0` is `0.1.0.dev0`. */
export function asPython(version: string): string {
  return version.replace(/-(dev|post)\.(\d+)$/, ".$1$2").replace(/-(a|b|rc)\.(\d+)$/, "$1$2");
}

/** What to say if this extension is of another version than the server's package; else "". */
export function difference(extension: string, server: string): string {
  const mine = asPython(extension);
  return server === "" || mine === server
    ? ""
    : `This page has resnb ${mine}, the server ${server}: reload the page; if that does not help, install resnb again.`;
}
