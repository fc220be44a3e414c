import type { Clickstream, EventData, Options } from "./clickstream";
import { add, clear, open } from "./queue";
import { keep, random, session } from "./session";

const after = (name: "pushState" | "replaceState", work: () => void) => {
  const change = history[name];
  history[name] = function (...given) {
    change.apply(this, given);
    work();
  };
};

/** Counts one page; `collector` is where events go unless the options say so. */
export const count = (options: Options, collector: string): Clickstream => {
  if (window.clickstream) return window.clickstream;
  const load = random();
  const member = options.consent;
  const objects =
    !options.gpc && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;
  let consents: unknown = !objects && (!member || options.given);
  let number = 0;
  /** The page that was counted; none while there is no consent. */
  let page: string | undefined;

  // Of fragments those alone that routers write, as `events.pages.hashRoutes` takes them. The
  // collector takes URLs of 2,048 characters.
  const here = () => location.href.slice(0, 2e3).match(/^[^#]*(#!?\/.*)?/)![0];
  const record = (type: string, data?: EventData, referrer = "") => {
    if (!page) return;
    const time = Date.now();
    try {
      const text = JSON.stringify({
        id: load + number++,
        type,
        time,
        url: page,
        // Telephones name an app here at times.
        referrer: referrer.slice(0, 2e3).match(/^http.*/)?.[0],
        data,
      });
      if (/^[a-z][\w.:/ -]{0,99}$/i.test(type) && text.length < 18e3) {
        const head = JSON.stringify({
          session: session(time),
          user: options.user,
          consent: member && { [member]: true },
        });
        return add(head.slice(0, -1), text);
      }
    } catch {}
    console.warn("clickstream", type);
  };
  const look = (again?: boolean) => {
    const referrer = page || document.referrer;
    if (consents && (again || page != here())) {
      page = here();
      record("page_view", undefined, referrer);
    }
  };
  // Of a page that is prerendered nothing is known until somebody sees it.
  const seen = (work: () => void) =>
    (document as { prerendering?: boolean }).prerendering
      ? document.addEventListener("prerenderingchange", () => work())
      : work();

  const api = ((name, data) => seen(() => record(name, data))) as Clickstream;
  window.clickstream = api;
  api.consent = (given) => {
    consents = !objects && given;
    if (!given) {
      page = "";
      clear();
      keep("");
    }
    seen(look);
  };
  seen(() => {
    open(options.collector || collector);
    after("pushState", look);
    after("replaceState", () => (page &&= here()));
    addEventListener("popstate", () => look());
    addEventListener("pageshow", (event) => look(event.persisted));
    addEventListener(
      "click",
      (event) => {
        const named = (event.target as Element).closest?.<HTMLElement>("[data-event]")?.dataset;
        if (named) record(named.event!, JSON.parse(named.eventData || "null"));
      },
      true,
    );
    look();
  });
  return api;
};
