// What a user has picked in a view: a node or a cluster.
import type { Addressed } from "../wire/frames";

export type Subject = Pick<Addressed, "what" | "id">;
