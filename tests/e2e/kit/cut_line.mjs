// A TCP proxy on a free port that leads to one server at a time, at a port or a unix socket, and whose connections can be cut.
import { connect, createServer } from 'node:net';

export async function cut_line(port) {
  let to = port;
  const lines = new Set();
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    const line = { near, far, asked: new Set() };
    lines.add(line);
    near.on('data', (bytes) => {
      const [, request] = /^([A-Z]+ [^ ]+) HTTP/.exec(bytes.toString('latin1')) ?? [];
      if (request) line.asked.add(request);
    });
    for (const [one, other] of [[near, far], [far, near]]) {
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        lines.delete(line);
        if (!line.is_held) other.destroy();
      });
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    // Who comes from now on comes to that one.
    leads_to(port) {
      to = port;
    },
    cut() {
      for (const { near } of lines) near.destroy();
    },
    // Of connections that have had an HTTP request of these, as in 'POST /path': what the server says
    // there is not heard until `hears()`.
    hears_nothing_of(requests) {
      for (const { near, far, asked } of lines)
        if (requests.some((one) => asked.has(one))) far.unpipe(near), far.pause();
    },
    hears() {
      for (const { near, far } of lines) if (far.isPaused()) far.pipe(near);
    },
    // The server is not told, as when a client's network has gone.
    lose() {
      for (const line of lines) {
        line.is_held = true;
        line.near.unpipe(line.far);
        line.far.unpipe(line.near);
        line.far.resume();
        line.near.destroy();
      }
    },
    close() {
      for (const { near, far } of lines) near.destroy(), far.destroy();
      proxy.close();
    },
  };
}
