// Manager. Reads certificates and keys, at the start and at each reload: it may still be root where the workers are not.

import { readFileSync } from 'node:fs';
import { messageOf, PreforkError } from '../errors.js';
import { tlsFixOf } from '../fixes.js';
import { type CertificateFiles, type Secrets, secureOptions, type TlsFiles } from '../tls.js';

// loaded only where it is needed
const crypto = () => process.getBuiltinModule('node:crypto');
const tls = () => process.getBuiltinModule('node:tls');

/** @throws PreforkError `ERR_PREFORK_TLS` that names the file. */
export function readSecrets(files: TlsFiles): Secrets {
  const pairs = Object.entries(files.names ?? {}).map(([name, pair]) => [name, readPair(pair)] as const);
  const secrets = {
    ...readPair(files),
    ...(files.ca ? { ca: readCa(files.ca) } : {}),
    ...(pairs.length > 0 ? { names: Object.fromEntries(pairs) } : {}),
  };
  attempt(`certificate and key "${files.cert}" and "${files.key}"`, () => {
    tls().createSecureContext(secureOptions(files, secrets));
  });
  return secrets;
}

function readPair({ cert, key }: CertificateFiles): { cert: string; key: string } {
  const pair = { cert: readPem('certificate', cert), key: readPem('key', key) };
  attempt(`certificate and key "${cert}" and "${key}"`, () => tls().createSecureContext(pair));
  return pair;
}

/** OpenSSL reads a file without a certificate as an empty list, and then no client is accepted. */
function readCa(path: string): string {
  const ca = readPem('CA file', path);
  attempt(`CA file "${path}"`, () => new (crypto().X509Certificate)(ca));
  return ca;
}

function attempt(what: string, use: () => unknown): void {
  try {
    use();
  } catch (error) {
    throw new PreforkError('ERR_PREFORK_TLS', `Can't use TLS ${what}: ${messageOf(error)}${tlsFixOf(error)}`, error);
  }
}

function readPem(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new PreforkError(
      'ERR_PREFORK_TLS',
      `Can't read TLS ${what} "${path}": ${messageOf(error)}${tlsFixOf(error)}`,
      error,
    );
  }
}
