// Certificates for tests, by `openssl`: an authority, and whom it has signed.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const openssl = (...words) => execFileSync('openssl', words, { stdio: 'pipe' });
const new_key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

// NAME.pem and NAME.key in `folder`.
export function make_authority(folder, name = 'ca') {
  const at = (end) => join(folder, `${name}.${end}`);
  openssl('req', '-x509', ...new_key, '-days', '2', '-subj', `/CN=${name}`, '-keyout', at('key'), '-out', at('pem'));
}

// Signed by `by`, for 127.0.0.1; `expired`: its last day was yesterday.
export function make_certificate(folder, name, { by = 'ca', expired = false } = {}) {
  const at = (one, end) => join(folder, `${one}.${end}`);
  writeFileSync(
    at(name, 'ext'),
    'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  openssl('req', ...new_key, '-subj', `/CN=${name}`, '-keyout', at(name, 'key'), '-out', at(name, 'csr'));
  const sign = [
    'x509', '-req', '-in', at(name, 'csr'), '-CA', at(by, 'pem'), '-CAkey', at(by, 'key'),
    '-CAcreateserial', '-extfile', at(name, 'ext'), '-out', at(name, 'pem'),
  ];
  // openssl 3.0 signs from now on: the day before yesterday is faketime's.
  if (expired) execFileSync('faketime', ['2 days ago', 'openssl', ...sign, '-days', '1'], { stdio: 'pipe' });
  else openssl(...sign, '-days', '2');
}
