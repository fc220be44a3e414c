let kept = "";

/** Returns 128 random bits as digits and hyphens. */
export const random = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** Keeps the session and its last event's time for the tab; where that is blocked, for the page. */
export const keep = (text: string) => {
  kept = text;
  try {
    sessionStorage.clickstream = text;
  } catch {}
};

/** Returns the tab's session: another one after half an hour without an event. */
export const session = (now: number) => {
  try {
    kept = sessionStorage.clickstream || kept;
  } catch {}
  let [id, last] = kept.split(" ");
  // A clock that was set back ends no session; what is no number begins one.
  if (!(now - +last! < 18e5)) id = random();
  keep(id + " " + now);
  return id;
};
