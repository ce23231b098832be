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
