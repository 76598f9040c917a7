// The plugins that JupyterLab and Notebook 7 load.
import atRest from "./lab/at-rest";
import commands from "./lab/commands";
import flows from "./lab/flows";
import guard from "./lab/guard";
import resources from "./lab/resources";
import running from "./lab/panel";
import status from "./lab/status";
import warnings from "./lab/warnings";

export default [atRest, resources, running, guard, status, warnings, commands, ...flows];
