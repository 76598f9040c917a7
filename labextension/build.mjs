// Bundles the widget's front end into the Python package, as one module and one style sheet, and
// the plugins for JupyterLab and Notebook 7 as an extension that they load as it is.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: { widget: at("src/widget/index.ts") },
  outdir: at("../resnb/view/static"),
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
});
await build({
  entryPoints: { widget: at("src/widget/style/index.css") },
  outdir: at("../resnb/view/static"),
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
