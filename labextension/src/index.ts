// The plugins that JupyterLab and Notebook 7 load.
import atRest from "./lab/at-rest";

export default [atRest];
