// Everything that may be wrong with the etcd that a stack names: `utakata up` refuses with a sentence, and
// the cluster that runs goes on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as create_http_server } from 'node:http';
import { connect } from 'node:net';
import { createServer as create_tls_server } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { make_authority, make_certificate } from './kit/certificates.mjs';
import { Crowd } from './kit/clients.mjs';
import { cut_line } from './kit/cut_line.mjs';
import { start_etcd, why_not } from './kit/etcd.mjs';
import { free_ports } from './kit/ports.mjs';
import { start_stack, utakata_program } from './kit/stack.mjs';
import { wait_for } from './kit/wait.mjs';

describe('what is wrong with etcd', { skip: why_not }, () => {
  let folder, etcd, tls, front, no_etcd;
  const file = (name, end = 'pem') => join(folder, `${name}.${end}`);

  // Beside plain HTTP, for the test, it listens with TLS, for those who are signed by `ca`.
  const words = (member) => [
    `--listen-client-urls=${member.client},${tls}`,
    `--advertise-client-urls=${member.client}`,
    `--cert-file=${file('etcd')}`,
    `--key-file=${file('etcd', 'key')}`,
    `--trusted-ca-file=${file('ca')}`,
    '--client-cert-auth',
  ];
  const listens = (server) =>
    new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${server.address().port}`)),
    );

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'utakata-certificates-'));
    make_authority(folder);
    make_authority(folder, 'stranger');
    for (const name of ['etcd', 'us']) make_certificate(folder, name);
    for (const name of ['expired', 'late']) make_certificate(folder, name, { expired: true });
    make_certificate(folder, 'foreign', { by: 'stranger' });
    const [port] = await free_ports(1);
    tls = `https://127.0.0.1:${port}`;
    etcd = await start_etcd(1, words);
    // Of another stack, and of a program to come.
    await etcd.put('/utakata/moved/format', JSON.stringify({ format: 1, stack: 'old', program: 'utakata' }));
    await etcd.put('/utakata/later/format', JSON.stringify({ format: 2, stack: 'later', program: 'utakata' }));
    // The same etcd behind a certificate that has expired, and a server that is none.
    const key = readFileSync(file('expired', 'key'));
    front = create_tls_server({ key, cert: readFileSync(file('expired')) }, (socket) => {
      const there = connect(new URL(etcd.endpoints[0]).port, '127.0.0.1');
      for (const [one, other] of [[socket, there], [there, socket]])
        one.pipe(other).on('error', () => one.destroy());
    });
    front.on('tlsClientError', () => {});
    front.address_text = await listens(front);
    no_etcd = create_http_server((_, answer) => answer.writeHead(404).end('nothing here'));
    no_etcd.address_text = await listens(no_etcd);
  });
  after(async () => {
    front?.close();
    no_etcd?.close();
    await etcd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const yaml = (name, { at = tls, ca = 'ca', who = 'us' } = {}) => ({ listen, ports, kit }) => `
stack: ${name}
api: { listen: "${listen}", ports: ${ports} }
store:
  etcd: ["${at}"]
${at.startsWith('https') ? `  ca: ${file(ca)}\n  certificate: ${file(who)}\n  key: ${file(who, 'key')}` : ''}
clusters:
  game:
    run: node ${kit}/app-ws.mjs
    url: ws://\${host}:\${port}
    count: { http: /stats, field: connections }
    instances: { min: 1, max: 3 }
`;

  // What `utakata up` says of a file, as another controller on a machine of its own.
  async function up(fleet, name, store) {
    const stack_file = join(fleet.folder, 'wrong.yaml');
    const { first, last } = fleet.ports;
    const place = { listen: '127.0.0.1:1', ports: `${first}-${last}`, kit: fleet.folder };
    writeFileSync(stack_file, yaml(name, store)(place));
    const env = { ...fleet.env, UTAKATA_HOME: join(fleet.folder, 'elsewhere') };
    const child = spawn(utakata_program(), ['up', stack_file, '--controller', 'b'], { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, said };
  }

  async function start(t, store) {
    const fleet = await start_stack({ yaml: yaml('twins', store), name: 'a' });
    fleet.recorded = () => etcd.activities('twins');
    const crowd = new Crowd(fleet, 'game');
    t.after(async () => {
      crowd.end();
      await fleet.stop();
    });
    await fleet.serving('game', 1);
    await crowd.add(3);
    return { fleet, crowd };
  }

  async function goes_on({ fleet, crowd }, instances) {
    assert.equal((await fleet.place('game')).status, 200);
    await fleet.scale('game', instances);
    await fleet.serving('game', instances);
    assert.deepEqual(crowd.cuts, []);
  }

  test('a start is refused with what is wrong, where, and what to do; the cluster that runs goes on', async (t) => {
    const running = await start(t);
    const [nobody] = await free_ports(1);
    const plain = etcd.endpoints[0];
    const twins = (store, sentence) => ['twins', store, sentence];
    const faults = [
      twins({ at: `http://127.0.0.1:${nobody}` }, /etcd http:\S+ Failed to connect .*: start etcd, or correct its address/),
      twins({ at: 'http://etcd.invalid:2379' }, /etcd\.invalid.*: start etcd, or correct its address/),
      twins({ at: `http://${no_etcd.address_text}` }, /HTTP status 404: is it etcd, 3\.4 or newer/),
      twins({ at: tls.replace('https', 'http') }, /etcd http:\S+ .*: is it https:\/\/ there\?/),
      twins({ at: plain.replace('http', 'https') }, /etcd https:\S+ .*see whether it speaks TLS there/),
      ['moved', {}, /under \/utakata\/moved\/ is not a store of stack moved: give the stack another name/],
      ['later', {}, /\/utakata\/later\/ was written by a newer utakata .*: run that version/],
      twins({ at: `https://${front.address_text}` }, /etcd https:\S+ its certificate has expired: renew it/),
      twins({ who: 'late' }, /does not accept our `certificate`: see whether that has expired/),
      twins({ who: 'foreign' }, /does not accept our `certificate`: .* whether it trusts who signed it/),
      twins({ ca: 'stranger' }, /its certificate is not signed by our `ca`: name its signer/),
      twins({ who: 'nobody' }, /nobody\.pem cannot be read: No such file or directory: correct its path/),
    ];
    for (const [name, store, sentence] of faults) {
      const { code, said } = await up(running.fleet, name, store);
      assert.match(said, sentence);
      assert.match(said, /^utakata: etcd.*\n$/, 'one sentence');
      assert.equal(code, 2, said);
    }
    for (const name of ['moved', 'later'])
      assert.deepEqual(await etcd.keys(`/utakata/${name}/`), [`/utakata/${name}/format`], 'not touched');
    await goes_on(running, 2);
    assert.doesNotMatch(running.fleet.output(), /^! /m, 'it has noticed nothing');
  });

  test('its certificate expires under a cluster that runs: it is said, nobody is cut, and it goes on with the next one', async (t) => {
    const port = (address) => Number(new URL(address).port);
    const line = await cut_line(port(tls));
    const leads_to = (address) => {
      line.leads_to(port(address));
      line.cut();
    };
    const running = await start(t, { at: line.url.replace('http', 'https') });
    t.after(() => line.close());
    const { fleet } = running;
    leads_to(`https://${front.address_text}`);
    const said = () => fleet.output().match(/owners: etcd https:.* its certificate has expired: renew it/g);
    await wait_for(said, { within: 20_000, what: 'it to be said' });
    assert.equal((await fleet.place('game')).status, 200);
    leads_to(tls);
    await wait_for(async () => (await fleet.cluster('game')).owner === 'a', { what: 'it to go on' });
    await goes_on(running, 2);
    assert.equal(said().length, 1, 'once');
  });
});
