// One connection for each document, shared by all tabs: browsers open six to a server at most.
const streams = new Map();

function follow(url) {
  const stream = { ports: new Set(), last: null, source: new EventSource(url) };
  const tell = (message) => {
    stream.last = message;
    for (const port of stream.ports) port.postMessage(message);
  };
  stream.source.onmessage = (event) => tell({ url, document: JSON.parse(event.data) });
  // EventSource tries again by itself, but not after an answer that is no stream.
  stream.source.onerror = () =>
    tell({ url, lost: true, ended: stream.source.readyState === EventSource.CLOSED });
  streams.set(url, stream);
  return stream;
}

function leave(port, url) {
  const stream = streams.get(url);
  if (!stream) return;
  stream.ports.delete(port);
  if (stream.ports.size === 0) {
    stream.source.close();
    streams.delete(url);
  }
}

onconnect = ({ ports: [port] }) => {
  let watched = null;
  port.onmessage = ({ data }) => {
    if (watched) leave(port, watched);
    watched = data.url;
    if (!watched) return;
    let stream = streams.get(watched);
    if (stream && stream.source.readyState === EventSource.CLOSED) {
      streams.delete(watched);
      stream = null;
    }
    stream = stream || follow(watched);
    stream.ports.add(port);
    if (stream.last) port.postMessage(stream.last);
  };
  port.start();
};
