import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig({ ignores: ["lib/"] }, js.configs.recommended, {
  files: ["**/*.ts"],
  extends: [tseslint.configs.strictTypeChecked],
  languageOptions: { parserOptions: { projectService: true } },
  rules: {
    "max-lines": ["error", 400],
    "no-restricted-properties": [
      "error",
      { property: "innerHTML", message: "Users' text is set as textContent." },
      { property: "outerHTML", message: "Users' text is set as textContent." },
      { property: "insertAdjacentHTML", message: "Users' text is set as textContent." },
      { property: "randomUUID", message: "Pages without HTTPS lack it: uniqueId() of ids.ts." },
    ],
    "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
  },
});
