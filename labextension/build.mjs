// Bundles the widget's front end into the Python package, as one module and one style sheet, and
// the plugins for JupyterLab and Notebook 7 as an extension that they load as it is.
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const STATIC = at("../resnb/view/static");

/** A module that unpacks `code`: each model takes its code to the page, and into saved notebooks. */
function unpacking(code) {
  const packed = deflateRawSync(code, { level: 9 }).toString("base64");
  return `const packed = Uint8Array.from(atob("${packed}"), (one) => one.charCodeAt(0));
const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
const code = await new Response(stream).text();
const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
const { default: widget } = await import(url);
URL.revokeObjectURL(url);
export default widget;
`;
}

const { outputFiles } = await build({
  entryPoints: { widget: at("src/widget/index.ts") },
  outdir: STATIC,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  write: false,
});
await mkdir(STATIC, { recursive: true });
await writeFile(`${STATIC}/widget.js`, unpacking(outputFiles[0].contents));
await build({
  entryPoints: { widget: at("src/widget/style/index.css") },
  outdir: STATIC,
  bundle: true,
  minify: true,
});
await build({
  entryPoints: { index: at("src/index.ts") },
  outdir: at("lib"),
  bundle: true,
  format: "esm",
  target: "es2022",
  external: ["@jupyterlab/*", "@lumino/*"],
});
const { resolve } = createRequire(import.meta.url);
const builder = resolve("@jupyter/builder/package.json").replace(
  /package\.json$/,
  "lib/build-labextension.js",
);
const core = resolve("@jupyterlab/core-meta/core.package.json");
const done = spawnSync(process.execPath, [builder, "--core-package-file", core, at("..")], {
  encoding: "utf8",
});
if (done.status !== 0) {
  process.stderr.write(done.stdout + done.stderr);
  process.exit(1);
}
