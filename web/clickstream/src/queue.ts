/** Events as JSON, each with the head of its request: session, user and consent. */
let kept: [head: string, text: string][] = [];
let address: string;
let timer = 0;
/** Milliseconds until the next request: none before the first, so that a visit counts however short
 * it is; one second after an answer, after a failure up to a minute. */
let wait = 0;
/** Characters of a request: 60 KB at three bytes each, and browsers keep 64 KiB of a page that ends
 * (Fetch Standard, "keepalive"). */
let room = 2e4;

const send = () => {
  const mine = kept;
  const head = mine[0]![0];
  let number = 0;
  let size = 0;
  // With 200 more for each, no request has more than 100 events.
  do size += mine[number++]![1].length + 200;
  while (mine[number]?.[0] == head && size + mine[number]![1].length < room);
  const batch = mine.splice(0, number);
  fetch(address, {
    method: "POST",
    body: `${head},"sent":${Date.now()},"events":[${batch.map((one) => one[1])}]}`,
    keepalive: true,
    credentials: "omit",
  })
    .then(
      // Chromium counts a request to the 64 KiB until its answer is read.
      (answer) => answer.text().then(() => answer.status),
    )
    .catch(() => 500)
    .then((status) => {
      room = 2e4;
      // Refused for one event of several: the others go without it.
      if (status > 428 || (number > 1 && status > 399)) {
        // Where they were, unless they were forgotten meanwhile.
        mine.unshift(...batch);
        room = size / 2;
      }
      wait = status > 428 ? Math.min(wait * 2 + 1e3, 6e4) : 1e3;
      later();
    });
};
const later = () => {
  timer ||= setTimeout(() => {
    timer = 0;
    if (kept[0]) send();
  }, wait);
};

/** Adds an event; of those that can't be sent a thousand are kept. */
export const add = (head: string, text: string) => {
  if (kept.push([head, text]) > 1e3) kept.shift();
  later();
};
/** Forgets what was not sent. */
export const clear = () => {
  kept = [];
};
/** Begins to send to an address. */
export const open = (to: string) => {
  address = to;
  // On a telephone a page may end without a word after it was hidden.
  for (const name of ["visibilitychange", "pagehide", "online"])
    addEventListener(name, () => {
      while (kept[0]) send();
    });
};
