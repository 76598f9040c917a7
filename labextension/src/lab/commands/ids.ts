// The ids of the commands.
export const SHOW = "resnb:show-resources";
export const CLEAN_UP = "resnb:clean-up";
export const RUN = "resnb:run-flow";
export const PLAN = "resnb:show-plan";
export const GO_TO = "resnb:go-to-flow";
export const FLOWS = "resnb:show-flows";
