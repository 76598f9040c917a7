// The icons: a box with the mark of a lease, and a small graph.
import { LabIcon } from "@jupyterlab/ui-components";

function icon(name: string, inside: string): LabIcon {
  const svgstr =
    `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">` +
    `<g class="jp-icon3 jp-icon-selectable" stroke="#616161" stroke-width="2" stroke-linejoin="round" stroke-linecap="round">${inside}</g></svg>`;
  return new LabIcon({ name, svgstr });
}

const FRAME = `<rect x="3" y="3" width="18" height="18" rx="4" stroke-dasharray="4 2.6"/>`;

export const resourcesIcon = icon("resnb:resources", `${FRAME}<circle cx="12" cy="12" r="3.2"/>`);
export const flowIcon = icon(
  "resnb:flow",
  `<circle cx="12" cy="5" r="2.6"/><circle cx="6" cy="18.4" r="2.6"/><circle cx="18" cy="18.4" r="2.6"/><path d="M11 7.4 7 16M13 7.4 17 16"/>`,
);
export const runFlowIcon = icon("resnb:run-flow", `${FRAME}<path d="M10 8.4v7.2l6-3.6z"/>`);
export const planIcon = icon(
  "resnb:plan",
  `<path d="M9 6h12M9 12h12M9 18h12"/><path d="M4 6h.5M4 12h.5M4 18h.5" stroke-width="3"/>`,
);
export const cleanUpIcon = icon("resnb:clean-up", `${FRAME}<path d="m8.4 12.4 2.6 2.6 4.8-5.6"/>`);
