// Both processes. The arguments of `listen` -> locations, checked before anything is bound. Pure.

import type { AddressInfo } from 'node:net';
import type { Wanted } from './channel.js';
import { locationKey } from './handover.js';
import type { Location } from './location.js';
import { checkNumbered, numberOf, withoutNumber } from './numbered.js';
import type { Settings } from './options.js';
import { printable } from './printable.js';
import { isTlsParameter, parseTls, TLS_PARAMETERS } from './tls.js';
import { show, suggestion } from './validation.js';

/** The object form of `listen`, as `http.Server#listen` takes it. */
export interface ListenOptions {
  port?: number | string | undefined;
  host?: string | undefined;
  path?: string | undefined;
  backlog?: number | undefined;
  ipv6Only?: boolean | undefined;
  /** Stops the server gracefully when it aborts, as Node closes its server. */
  signal?: AbortSignal | undefined;
}

/** The properties that an object for `listen` may have. The last ones are Node's, and a pool ignores them. */
const NAMES = ['port', 'host', 'path', 'backlog', 'ipv6Only', 'signal', 'exclusive', 'readableAll', 'writableAll'];

/** Called once, in the manager: when the first worker is healthy, or with what went wrong before. */
export type ListenCallback = (error?: Error) => void;

export interface ListenCall {
  locations: Location[];
  callback: ListenCallback | undefined;
  signal: AbortSignal | undefined;
}

/**
 * Reads the arguments of `listen`.
 *
 * @throws TypeError or RangeError that names the argument and its value.
 */
export function parseListen(args: readonly unknown[], settings: Settings): ListenCall {
  const rest = [...args];
  const last = rest.at(-1);
  const callback = typeof last === 'function' ? (rest.pop() as ListenCallback) : undefined;
  const locations = withOrdinals(parseTargets(rest, settings));
  checkNumbered(locations, settings);
  return { locations, callback, signal: signalOf(rest[0]) };
}

/** Several at one host for which the kernel chooses the port: the next manager of an upgrade must know which socket is whose. */
function withOrdinals(locations: Location[]): Location[] {
  const counts = new Map<string, number>();
  return locations.map((location) => {
    if (location.port !== 0) return location;
    const key = locationKey(location);
    const nth = counts.get(key) ?? 0;
    counts.set(key, nth + 1);
    return nth === 0 ? location : { ...location, nth };
  });
}

function parseTargets([target, ...more]: unknown[], settings: Settings): Location[] {
  const defaults = { backlog: settings.backlog, ipv6Only: false };
  if (target === undefined || target === null) return settings.listen.map((text) => parseUrl(text, defaults));
  if (Array.isArray(target)) {
    if (target.length === 0) throw new RangeError('Expected at least one listen location, got `[]`');
    return target.map((text) => parseUrl(text, defaults));
  }
  if (typeof target === 'object') {
    const unknown = Object.keys(target).find((name) => !NAMES.includes(name));
    if (unknown !== undefined) {
      const hint = suggestion(unknown, NAMES);
      throw new TypeError(`Unknown name \`${printable(unknown)}\` in the object given to \`listen\`${hint}`);
    }
    const { port, host, path, ...own } = target as ListenOptions;
    if (port === undefined && path === undefined) {
      throw new TypeError('Expected the object given to `listen` to have `port` or `path`, got neither');
    }
    const options = { backlog: parseBacklog(own.backlog, defaults.backlog), ipv6Only: own.ipv6Only === true };
    return [path === undefined ? tcp(parsePort(port), host, options) : unix(path, options)];
  }
  if (typeof target === 'string' && /^[a-z][a-z+]*:\/\//i.test(target)) return [parseUrl(target, defaults)];
  const host = more.find((argument) => typeof argument === 'string');
  const backlog = parseBacklog(
    more.find((argument) => typeof argument === 'number'),
    defaults.backlog,
  );
  return [
    isPath(target) ? unix(target, { ...defaults, backlog }) : tcp(parsePort(target), host, { ...defaults, backlog }),
  ];
}

/** @throws TypeError for what is no signal. */
function signalOf(target: unknown): AbortSignal | undefined {
  if (target === null || typeof target !== 'object' || !('signal' in target) || target.signal === undefined)
    return undefined;
  if (target.signal instanceof AbortSignal) return target.signal;
  throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${show(target.signal)}`);
}

function isPath(target: unknown): target is string {
  return typeof target === 'string' && !/^\d+$/.test(target) && target !== process.env.PORT;
}

type Common = Pick<Location, 'backlog' | 'ipv6Only'>;

/** The location of a socket that another program has bound. */
export function locationAt(address: AddressInfo | string, protocol: Location['protocol'], common: Common): Location {
  const location =
    typeof address === 'string'
      ? unix(address, common)
      : tcp(address.port, address.address === '::' ? undefined : address.address, common);
  return { ...location, protocol, url: location.url.replace(/^http/, protocol) };
}

/**
 * The location of a server that a file makes and lets listen itself.
 *
 * @param umask of the process that binds.
 * @throws TypeError or RangeError for what a worker must not send.
 */
export function wantedLocation(wanted: Wanted, umask: number): Location {
  const { path, access = 0, host, fd, nth, scheme } = wanted;
  const common = { backlog: parseBacklog(wanted.backlog, 511), ipv6Only: wanted.ipv6Only === true };
  const location = path === undefined ? tcp(parsePort(wanted.port), host, common) : unix(path, common);
  return {
    ...location,
    url: location.url.replace(/^http/, /^(https?|tcp|tls)$/.test(scheme) ? scheme : 'tcp'),
    // the modes that libuv sets, but from the first moment on
    ...(path !== undefined && access ? { mode: (0o777 & ~umask) | (access & 0o666) } : {}),
    ...(fd === undefined ? {} : { fd: parseNumber(fd) }),
    ...(nth ? { nth: parseNumber(nth) } : {}),
  };
}

function parseNumber(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31) return value as number;
  throw new RangeError(`Expected a descriptor to be a number, got \`${printable(String(value))}\``);
}

function tcp(port: number, host: string | undefined, common: Common): Location {
  if (host !== undefined && typeof host !== 'string')
    throw new TypeError(`Expected \`host\` to be a string, got \`${printable(String(host))}\``);
  const name = host === undefined || host === '' ? '*' : host;
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
  return { url, protocol: 'http', port, ...(name === '*' ? {} : { host: name }), ...common };
}

function unix(path: string, common: Common): Location {
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`Expected \`path\` to be a non-empty string, got \`${printable(String(path))}\``);
  return { url: `http+unix://${encodeURIComponent(path)}`, protocol: 'http', path, ...common };
}

function parsePort(value: unknown): number {
  const port = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535) return port as number;
  const name = value !== undefined && String(value) === process.env.PORT ? 'the environment variable `PORT`' : '`port`';
  const Wrong = typeof port === 'number' || name !== '`port`' ? RangeError : TypeError;
  throw new Wrong(`Expected ${name} to be an integer from 0 to 65535, got \`${printable(String(value))}\``);
}

function parseBacklog(value: unknown, fallback: number): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'number')
    throw new TypeError(`Expected \`backlog\` to be a number, got \`${printable(String(value))}\``);
  // Node takes a negative or zero backlog for its default
  return Number.isInteger(value) && value > 0 ? value : fallback;
}

/**
 * A listen location of the seed: `http://*:8080`, `https://[::1]:8443?cert=a.pem&key=b.pem`,
 * `http+unix://%2Ftmp%2Fapp.sock`.
 */
function parseUrl(text: unknown, defaults: Common): Location {
  const bad = (why: string) => new RangeError(`Invalid listen location \`${printable(String(text))}\`: ${why}`);
  if (typeof text !== 'string')
    throw new TypeError(`Expected a listen location to be a string, got \`${printable(String(text))}\``);
  const { plain, isNumberedPort } = withoutNumber(text);
  if (!URL.canParse(plain)) throw bad('expected something like http://*:8080');
  const url = new URL(plain);
  const [, protocol, local] = /^(https?)(\+unix)?:$/.exec(url.protocol) ?? [];
  if (protocol !== 'http' && protocol !== 'https') throw bad('expected http://, https:// or http+unix://');
  if (url.hostname === '') {
    throw bad(
      local ? 'the path needs %2F for each /, http+unix://%2Ftmp%2Fapp.sock' : 'a host is missing, * is every one',
    );
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    throw bad('expected no user, password or fragment');
  if (url.pathname !== '' && url.pathname !== '/') throw bad('a path has no place here');
  const query = parseQuery(url.searchParams, protocol, bad);
  if (query.reuse && local) throw bad('`reuse` needs an address and a port, a UNIX socket has none');
  if (query.reuse && query.fd !== undefined) throw bad('`reuse` needs sockets of its own, leave out `fd` or `reuse`');
  if (query.sticky && !query.reuse) throw bad('`sticky` needs a socket for each worker, write `?reuse=1&sticky=1`');
  const path = local ? unescapePath(url.hostname, bad) : undefined;
  const numbered = numberOf(path, isNumberedPort, query, bad);
  const common = { ...defaults, ...query, ...numbered };
  if (path !== undefined) return { ...unix(path, common), ...common, protocol, url: `${url.protocol}//${url.host}` };
  const port = url.port === '' ? (protocol === 'https' ? 443 : 80) : Number(url.port);
  const location = tcp(port, url.hostname === '*' ? undefined : url.hostname.replace(/^\[(.*)\]$/, '$1'), common);
  const shown = location.url.replace(/^http/, protocol);
  return {
    ...location,
    ...common,
    protocol,
    url: isNumberedPort ? shown.replace(/:\d+$/, `:{${port}+n}`) : shown,
  };
}

function unescapePath(text: string, bad: (why: string) => Error): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad('its path is not percent-encoded');
  }
}

const PARAMETERS = ['backlog', 'fd', 'mode', 'reuse', 'sticky'];

function parseQuery(query: URLSearchParams, protocol: string, bad: (why: string) => Error): Partial<Location> {
  const unknown = [...query.keys()].find((name) => !PARAMETERS.includes(name) && !isTlsParameter(name));
  if (unknown !== undefined) {
    const known = [...PARAMETERS, ...TLS_PARAMETERS].join(', ');
    throw bad(`unknown parameter \`${unknown}\`, expected one of ${known}`);
  }
  const number = (name: string, pattern: RegExp, radix: number) => {
    const value = query.get(name);
    if (value === null) return undefined;
    if (!pattern.test(value)) throw bad(`\`${name}\` cannot be \`${value}\``);
    return Number.parseInt(value, radix);
  };
  const fd = parseDescriptor(query.get('fd'), bad);
  const backlog = number('backlog', /^[1-9]\d{0,8}$/, 10);
  const mode = number('mode', /^[0-7]{3,4}$/, 8);
  const reuse = number('reuse', /^[01]$/, 10);
  const sticky = number('sticky', /^[01]$/, 10);
  const tls = protocol === 'https' ? parseTls(query, bad) : undefined;
  if (!tls && [...query.keys()].some(isTlsParameter)) throw bad('certificates belong to https://');
  return {
    ...(fd === undefined ? {} : { fd }),
    ...(backlog === undefined ? {} : { backlog }),
    ...(mode === undefined ? {} : { mode }),
    ...(reuse ? { reuse: true } : {}),
    ...(sticky ? { sticky: true } : {}),
    ...(tls ? { tls } : {}),
  };
}

/** A number, or a name as systemd.socket(5) allows it in FileDescriptorName=. */
function parseDescriptor(value: string | null, bad: (why: string) => Error): number | string | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  if (!/^(?![+-]?\d+$)[ -9;-~]{1,255}$/.test(value)) throw bad(`\`fd\` cannot be \`${value}\``);
  return value;
}
