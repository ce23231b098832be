// A certificate for one test.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Makes a self-signed certificate in `dir`; returns the listen location that uses it, on a free port. */
export function tlsLocation(dir) {
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...request, '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return `https://127.0.0.1:0?${new URLSearchParams({ cert, key })}`;
}

/**
 * Makes a certificate authority in `dir`.
 *
 * @returns {{ file: string, issue: (name: string, file?: string) => { cert: string, key: string } }} `issue` writes
 * `<file>.pem` and `<file>-key.pem`, for the host `name` and 127.0.0.1
 */
export function createAuthority(dir, name = 'authority') {
  const own = write(dir, name, ['-x509', '-subj', `/CN=${name}`]);
  return {
    file: own.cert,
    issue(host, file = host.replace('*', 'any')) {
      const names = `subjectAltName=DNS:${host},IP:127.0.0.1`;
      return write(dir, file, ['-x509', '-subj', `/CN=${host}`, '-addext', names, '-CA', own.cert, '-CAkey', own.key]);
    },
  };
}

function write(dir, name, flags) {
  const files = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}-key.pem`) };
  const request = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...request, ...flags, '-keyout', files.key, '-out', files.cert], { stdio: 'pipe' });
  return files;
}
