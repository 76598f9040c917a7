// Bundles the widget's front end into the Python package, as one module and one style sheet.
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
