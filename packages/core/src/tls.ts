// Both processes. TLS of a listen location: its parameters, and what Node's TLS servers take in their place. It reads no
// file: the manager does (manager/secrets.ts), while it still may.

import type { SecureContext, SecureVersion, TLSSocket, TlsOptions } from 'node:tls';

/** Whose certificate: files, as a location names them. */
export interface CertificateFiles {
  cert: string;
  key: string;
}

/** TLS as a listen location asks for it. Paths are of PEM files. */
export interface TlsFiles extends CertificateFiles {
  /** Who may sign the certificates of clients. */
  ca?: string;
  /** As `tls.createServer` takes them. */
  ciphers?: string;
  /** 0: no client is asked for a certificate, 1: who sends one needs a good one, 3: everybody needs a good one. */
  verify?: 0 | 1 | 3;
  /** This version of TLS and no other. */
  version?: SecureVersion;
  /** Other certificates for other names (SNI), `*.example.com` among them. */
  names?: Record<string, CertificateFiles>;
}

/** What was in the files. */
export interface Secrets {
  cert: string;
  key: string;
  ca?: string;
  names?: Record<string, { cert: string; key: string }>;
}

const PARAMETERS = ['ca', 'cert', 'ciphers', 'key', 'verify', 'version'];
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
const NAMED = /^((?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*)_(cert|key)$/i;

/** Whether a parameter of a location is about TLS. */
export function isTlsParameter(name: string): boolean {
  return PARAMETERS.includes(name) || NAMED.test(name);
}

/** The names of the parameters, for a message. */
export const TLS_PARAMETERS = [...PARAMETERS, '<name>_cert', '<name>_key'];

/** @throws what `bad` makes of the reason. */
export function parseTls(query: URLSearchParams, bad: (why: string) => Error): TlsFiles {
  const { cert, key, ca, ciphers, verify, version } = Object.fromEntries(query) as Record<string, string | undefined>;
  if (!cert || !key) throw bad('https needs `cert` and `key`, the paths of two PEM files');
  const names = parseNames(query, bad);
  return {
    cert,
    key,
    ...(ca ? { ca } : {}),
    ...(ciphers ? { ciphers } : {}),
    ...(verify === undefined ? {} : { verify: parseVerify(verify, bad) }),
    ...(version === undefined ? {} : { version: parseVersion(version, bad) }),
    ...(names ? { names } : {}),
  };
}

/** In hexadecimal, as the seed has it: OpenSSL's bits VERIFY_PEER and VERIFY_FAIL_IF_NO_PEER_CERT. */
function parseVerify(text: string, bad: (why: string) => Error): 0 | 1 | 3 {
  const [, digit] = /^(?:0x)?0?([013])$/.exec(text) ?? [];
  if (digit === undefined) {
    throw bad(`\`verify\` cannot be \`${text}\`, expected 0x00 (ask nobody), 0x01 (may be absent) or 0x03 (required)`);
  }
  return Number(digit) as 0 | 1 | 3;
}

function parseVersion(text: string, bad: (why: string) => Error): SecureVersion {
  const version = VERSIONS.find((name) => name === text.replace('_', '.'));
  if (version === undefined) throw bad(`\`version\` cannot be \`${text}\`, expected one of ${VERSIONS.join(', ')}`);
  return version;
}

function parseNames(query: URLSearchParams, bad: (why: string) => Error): TlsFiles['names'] {
  const names: Record<string, Partial<CertificateFiles>> = {};
  for (const [parameter, path] of query) {
    const [, name, what] = NAMED.exec(parameter) ?? [];
    if (name === undefined) continue;
    names[name.toLowerCase()] = { ...names[name.toLowerCase()], [what?.toLowerCase() ?? '']: path };
  }
  for (const [name, { cert, key }] of Object.entries(names)) {
    if (!cert || !key) throw bad(`\`${name}_cert\` and \`${name}_key\` belong together`);
  }
  return Object.keys(names).length === 0 ? undefined : (names as Record<string, CertificateFiles>);
}

/** Options for `https.createServer`, `tls.createServer` and `http2.createSecureServer`. @throws what OpenSSL says. */
export function secureOptions(files: TlsFiles, { names = {}, ...own }: Secrets): TlsOptions {
  const { ca, ciphers, version, verify = ca === undefined ? 0 : 3 } = files;
  const common = {
    ...(own.ca === undefined ? {} : { ca: own.ca }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
  };
  // loaded by those who need it: it takes milliseconds
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  const contexts = new Map<string, SecureContext>();
  for (const [name, pair] of Object.entries(names)) contexts.set(name, createSecureContext({ ...common, ...pair }));
  return {
    ...common,
    ...own,
    requestCert: verify !== 0,
    rejectUnauthorized: verify === 3,
    ...(contexts.size === 0
      ? {}
      : { SNICallback: (name: string, done: SniDone) => done(null, contextFor(contexts, name.toLowerCase())) }),
  };
}

type SniDone = (error: null, context?: SecureContext) => void;

/** The name itself, else a `*` in place of its first label; without either Node takes the location's own certificate. */
function contextFor(contexts: ReadonlyMap<string, SecureContext>, name: string): SecureContext | undefined {
  return contexts.get(name) ?? contexts.get(name.replace(/^[^.]*/, '*'));
}

/** Whether a client sent a certificate that nobody we trust has signed. Node knows `required` and `ignored` only. */
export function isImpostor(socket: TLSSocket): boolean {
  return !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0;
}
