import type { Clickstream, Options } from "./clickstream";
import { count } from "./page";

/** Begins to count; of a second call in a page the first one's result. */
export const start = (options: Options = {}): Clickstream => count(options, import.meta.url);
