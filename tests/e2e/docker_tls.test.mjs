// The Engine by TCP with TLS, and everything that may be wrong with it: each is a sentence, and the
// cluster that runs goes on.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as create_tcp_server, connect } from 'node:net';
import { createServer as create_tls_server } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { make_authority, make_certificate } from './kit/certificates.mjs';
import { Crowd } from './kit/clients.mjs';
import { start_dockerd, why_not } from './kit/docker.mjs';
import { free_ports } from './kit/ports.mjs';
import { start_stack } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

const within = 60_000;

// Stands before the Engine at one port; what it is there is changed by become().
class Front {
  constructor(port) {
    Object.assign(this, { port, server: null, sockets: new Set() });
  }
  async become(server) {
    await this.stop();
    this.server = server;
    for (const event of ['connection', 'secureConnection'])
      server?.on(event, (socket) => {
        socket.on('error', () => {});
        this.sockets.add(socket);
      });
    server?.on('tlsClientError', () => {});
    if (server) await new Promise((done) => server.listen(this.port, '127.0.0.1', done));
  }
  async stop() {
    if (!this.server) return;
    const closed = new Promise((done) => this.server.close(done));
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
    await closed;
    this.server = null;
  }
}

describe('the Engine by TCP with TLS', { skip: why_not }, () => {
  let engine, front, folder;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'utakata-certificates-'));
    make_authority(folder);
    make_authority(folder, 'stranger');
    for (const name of ['engine', 'us']) make_certificate(folder, name);
    make_certificate(folder, 'expired', { expired: true });
    make_certificate(folder, 'late', { expired: true });
    make_certificate(folder, 'foreign', { by: 'stranger' });
    const [tls_port, front_port] = await free_ports(2);
    engine = await start_dockerd({ tls: { folder, port: tls_port } });
    front = new Front(front_port);
  });
  after(async () => {
    await front.stop();
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const pem = (name, end = 'pem') => readFileSync(join(folder, `${name}.${end}`));
  const passing_to = (target) => (socket) => {
    const there = connect(target);
    there.on('error', () => socket.destroy());
    socket.on('close', () => there.destroy());
    socket.on('error', () => there.destroy());
    there.on('close', () => socket.destroy());
    socket.pipe(there).pipe(socket);
  };
  const the_engine = () => create_tcp_server(passing_to({ host: '127.0.0.1', port: engine.tls.port }));
  const with_certificate = (name, spoken) =>
    create_tls_server({ key: pem(name, 'key'), cert: pem(name) }, spoken);
  const answering = (bytes) =>
    with_certificate('engine', (socket) => socket.once('data', () => socket.end(bytes)));

  const chat =
    (who = 'us') =>
    ({ listen, ports, mark }) => `
stack: remote
provider:
  docker:
    host: "tcp://127.0.0.1:${front.port}"
    ca: ${folder}/ca.pem
    certificate: ${folder}/${who}.pem
    key: ${folder}/${who}.key
api: { listen: "${listen}", ports: ${ports} }
clusters:
  chat:
    image: ${engine.image}
    run: exec node app-ws.mjs
    env: { E2E_MARK: "${mark}" }
    ready: { http: /healthz, within: 30s }
    count: { http: /stats, field: connections, accepted: accepted }
    instances: 1
`;
  const start = async (t, yaml) => {
    const fleet = await start_stack({ yaml });
    const crowd = new Crowd(fleet, 'chat');
    t.after(async () => {
      await front.become(the_engine());
      crowd.end();
      await fleet.stop();
      assert.deepEqual(engine.containers('-a'), [], 'containers that are left');
    });
    return { fleet, crowd };
  };
  const is_said = (fleet, pattern, from = 0) =>
    wait_for(() => pattern.test(fleet.output().slice(from)), {
      within,
      what: `${pattern} to be said, not\n${fleet.output().slice(from)}`,
    });

  const http = (status, body) =>
    `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const faults = [
    ['nobody there', () => null, /the Engine at tcp:\/\/127\.0\.0\.1:\d+ cannot be reached .*is `host` right/],
    ['an expired certificate', () => with_certificate('expired', passing_to(engine.socket)), /its certificate has expired/],
    ['a certificate of a stranger', () => with_certificate('foreign', passing_to(engine.socket)), /is not signed by our `ca`/],
    ['no TLS', () => create_tcp_server(passing_to(engine.socket)), /it speaks no TLS there/],
    ['500', () => answering(http(500, '{"message":"no space left on device"}')), /the Engine answered 500: no space left on device/],
    ['half a JSON', () => answering(http(200, '[{"Id":"4f5e","La')), /answer is not whole JSON/],
    ['nothing', () => answering(''), /cannot be reached/],
  ];

  test('launches, adopts and reaches into them; what goes wrong is said, and nobody is cut', async (t) => {
    await front.become(the_engine());
    const { fleet, crowd } = await start(t, chat());
    const [one] = await fleet.serving('chat', 1, within);
    await crowd.add(5);
    const said = await fleet.command('exec', one.id, '--', 'sh', '-c', 'echo $UTAKATA_INSTANCE');
    assert.deepEqual(said, { code: 0, stdout: `${one.id}\n`, stderr: '' });
    for (const [what, server, sentence] of faults) {
      const from = fleet.output().length;
      await front.become(server());
      await is_said(fleet, sentence, from);
      await fleet.serving('chat', 1, within);
      await crowd.add(1);
      await front.become(the_engine());
      await is_said(fleet, /the Engine answers again/, from).catch((problem) => {
        throw new Error(`after ${what}: ${problem.message}`);
      });
    }
    await fleet.restart();
    const [same] = await fleet.serving('chat', 1, within);
    assert.equal(same.id, one.id);
    assert.deepEqual(crowd.cuts, []);
    assert.equal(crowd.open.length, 5 + faults.length);
  });

  for (const who of ['foreign', 'late'])
    test(`the Engine does not take our certificate (${who}), which is said`, async (t) => {
      await front.become(the_engine());
      const { fleet } = await start(t, chat(who));
      await is_said(fleet, /it does not accept our `certificate`/);
    });

  test('a file that is not there is named', async (t) => {
    await front.become(the_engine());
    const { fleet } = await start(t, chat('nobody'));
    await is_said(fleet, /nobody\.pem cannot be read: No such file/);
  });
});
