/** Types of clickstream.js and clickstream.mjs, the script of clickstream-operator's collector. */

/** Data of an event: at most 50 members; what can be written as JSON. */
export type EventData = Record<string, unknown>;

export interface Clickstream {
  /** Counts an event of the page's own: 1 to 100 letters, digits and _.:/ -, a letter first. */
  (name: string, data?: EventData | undefined): void;
  /** With `consent`: begins to count, or stops and forgets session and what was not sent. */
  consent(given: boolean): void;
}

/** The attributes of the script's element without `data-`; for a module, what `start` is given. */
export interface Options {
  /** Where to send; the address of the script unless given. */
  collector?: string | undefined;
  /** Member of `consent` that the collector asks for: nothing is counted before `consent(true)`. */
  consent?: string | undefined;
  /** "true": the visitor consented before the page was loaded. */
  given?: string | undefined;
  /** With `visitor: UserId`: who is logged in. Read with each event, so it may change. */
  user?: string | undefined;
  /** "ignore": counts under Global Privacy Control as well. */
  gpc?: string | undefined;
}

/** Begins to count; of a second call in a page the first one's result. */
export declare function start(options?: Options): Clickstream;

declare global {
  interface Window {
    clickstream?: Clickstream;
  }
}
