// The same over TLS: full handshakes beside nginx, idle subscribers and broadcasts beside `ws` of Node; one certificate for all.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { free_ports } from '../e2e/kit/ports.mjs';
import { wait_for } from '../e2e/kit/wait.mjs';
import * as kit from './kit.mjs';
import { compare, few, node, realtime, said, seconds, show, with_pairs } from './realtime_kit.mjs';

const at_once = 32;

async function certificate_in(folder, ...kind) {
  const files = { certificate: join(folder, `${kind[0]}.pem`), key: join(folder, `${kind[0]}-key.pem`) };
  await kit.run(null, 'openssl', ['req', '-x509', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-newkey', ...kind,
    '-keyout', files.key, '-out', files.certificate]);
  return files;
}
const over_tls = ({ certificate, key }) => ['--tls-certificate', certificate, '--tls-key', key];

async function start_nginx(pair, folder, { certificate, key }) {
  const [port] = await free_ports(1);
  const file = join(folder, `nginx-${port}.conf`);
  writeFileSync(file, `worker_processes 1; daemon off; pid ${folder}/nginx-${port}.pid; error_log stderr crit;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;
  ssl_certificate ${certificate}; ssl_certificate_key ${key};
  server { listen 127.0.0.1:${port} ssl; location / { return 200 'ok'; } } }\n`);
  pair.server = kit.start(0, '/usr/sbin/nginx', ['-c', file, '-e', 'stderr']);
  pair.port = port;
  await wait_for(() => kit.children_of(pair.server.pid).length === 1, { what: `nginx: ${pair.server.errors}` });
  pair.pids = [pair.server.pid, ...kit.children_of(pair.server.pid)];
}

const handshakes = async (folder) => {
  const kinds = [
    // Signing is what costs: whoever answers is busy all the time.
    { name: 'RSA 2048', files: await certificate_in(folder, 'rsa:2048'), must: { at_least: 0.9 } },
    // Who asks has more to do than who answers: what counts is how many a second of CPU would answer.
    { name: 'ECDSA P-256', files: await certificate_in(folder, 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'), must: null,
      rate_of: (one) => 1e6 / one.cpu_us },
  ];
  for (const { name, files, must, rate_of } of kinds)
    await with_pairs(['ours', 'nginx'], async ({ ours, nginx }) => {
      await (await realtime(ours, ...over_tls(files))).load('tls_handshakes', at_once);
      await start_nginx(nginx, folder, files);
      await nginx.load('tls_handshakes', at_once);
      const all = await compare({ ours, nginx }, 'nginx', [seconds], rate_of);
      show(`full TLS handshakes with a small request, ${name}: of nginx's${rate_of ? ', for the same CPU' : ''}`, all.ratio('ours'), 'x',
        must, all.note('ours'));
    });
};

// What so many have added to what a server holds when one had come and gone.
async function idle_bytes(pair, kind) {
  await pair.subscribe('realtime_load', kind, 1);
  await pair.leave();
  const before = kit.resident_mb(pair.server.pid);
  await pair.subscribe('realtime_load', kind, few);
  return ((kit.resident_mb(pair.server.pid) - before) * 2 ** 20) / few;
}

const subscribers = (files) => with_pairs(['ours', 'ws'], async ({ ours, ws }) => {
  await realtime(ours, ...over_tls(files));
  await node(ws, 'ws', files.certificate, files.key);
  const bytes = await idle_bytes(ours, 'tls:pusher'), beside = await idle_bytes(ws, 'tls:websocket');
  show('an idle subscriber over TLS: resident memory, of `ws` on Node', bytes / beside, 'x', { at_most: 0.3 },
    `${Math.round(bytes).toLocaleString('en-US')} of ${Math.round(beside).toLocaleString('en-US')} bytes; ${said(few)}`);
  const single = await compare({ ours, ws }, 'ws', [seconds, 1, 0]);
  show(`${said(few)} over TLS, one message at a time: of \`ws\` on Node`, single.ratio('ours'), 'x', { at_least: 1.5 },
    single.note('ours'));
});

export default async function all() {
  const folder = mkdtempSync(join(tmpdir(), 'utakata-tls-'));
  try {
    await handshakes(folder);
    await subscribers(await certificate_in(folder, 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
