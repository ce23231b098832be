// Worker of the command. It takes over Node's `listen` in every server of the file: the address that Node has found goes to the
// pool and not to the kernel. Everything else stays as in Node: the events and their order, `close`, `address`.

import net from 'node:net';
import { resolve } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { Access, type Refusal, type Wanted } from '../channel.js';
import { standIn } from './handle.js';

/** Where a server listens from now on. */
export interface Listening {
  readonly address: net.AddressInfo | string;
  /** The application has closed the server. */
  closed(): void;
}

/** Takes a server into the pool. Returns the error that refuses it, or nothing if Node shall listen. */
export type Admit = (server: net.Server, wanted: Wanted) => Listening | Refusal | undefined;

/** What `listen` goes through in `net.Server` once it knows its address; node:cluster comes in here as well. */
type Setup = (
  this: net.Server & { _handle?: unknown },
  address: string | null,
  port: number | null,
  addressType: number | string | null,
  backlog: number | undefined,
  fd: number | null | undefined,
  flags: number | undefined,
) => void;

interface Form {
  /** Each worker gets a socket of its own. */
  isExclusive: boolean;
  access: number;
}

const IPV6_ONLY = 1; // UV_TCP_IPV6ONLY

/** From now on every `listen` of this process asks first. @param called runs at the call, before the address is looked up */
export function interceptListen(admit: Admit, called: () => void): void {
  const prototype = net.Server.prototype as net.Server & { _listen2: Setup };
  const { listen, _listen2: setUp } = prototype;
  const forms = new WeakMap<net.Server, Form>();
  prototype.listen = function (this: net.Server, ...args: unknown[]) {
    const form = formOf(args[0]);
    forms.set(this, form);
    if (!form.isExclusive) called();
    return Reflect.apply(listen, this, args);
  } as typeof listen;
  prototype._listen2 = function (address, port, addressType, backlog, fd, flags) {
    const form = forms.get(this);
    const isTaken = this._handle || form?.isExclusive;
    const wanted = wantedOf(this, { address, port, addressType, backlog, fd, flags }, form?.access ?? 0);
    const place = isTaken ? undefined : admit(this, wanted);
    if (place && 'message' in place) return refuse(this, place, wanted);
    if (place) standIn(this, place.address, place.closed);
    Reflect.apply(setUp, this, [address, port, addressType, backlog, fd, flags]);
  };
}

function formOf(target: unknown): Form {
  const { exclusive, reusePort, readableAll, writableAll } = Object(target) as Record<string, unknown>;
  return {
    // `reusePort` implies it, and Node says so
    isExclusive: Boolean(exclusive) || Boolean(reusePort),
    access: (readableAll === true ? Access.readable : 0) | (writableAll === true ? Access.writable : 0),
  };
}

interface Arguments {
  address: string | null;
  port: number | null;
  addressType: number | string | null;
  backlog: number | undefined;
  fd: number | null | undefined;
  flags: number | undefined;
}

function wantedOf(server: net.Server, asked: Arguments, access: number): Wanted {
  const { address, port, addressType, backlog, fd, flags } = asked;
  const common = {
    scheme: schemeOf(server),
    backlog: Math.trunc(Number(backlog)) || 511,
    ipv6Only: ((flags ?? 0) & IPV6_ONLY) !== 0,
  };
  if (typeof fd === 'number' && fd >= 0) return { ...common, fd, port: 0 };
  if (addressType === -1 && address !== null) {
    // the manager may be in another folder
    return { ...common, path: address.startsWith('\0') ? address : resolve(address), ...(access ? { access } : {}) };
  }
  return { ...common, port: port ?? 0, ...(address === null ? {} : { host: address }) };
}

/** Whether a server's connections come with requests: http, https, and http2 of both kinds. */
export function isHttp(server: net.Server): boolean {
  return 'closeIdleConnections' in server || 'updateSettings' in server;
}

function schemeOf(server: net.Server): string {
  const isSecure = 'setSecureContext' in server;
  return isHttp(server) ? `http${isSecure ? 's' : ''}` : isSecure ? 'tls' : 'tcp';
}

const NO_FOLDER: Refusal = { message: 'listen EACCES', code: 'EACCES', errno: -13 };

/** As `net.Server` does: in a later tick, with the same words. */
function refuse(server: net.Server, refusal: Refusal, { path, host = '::', port, fd }: Wanted): void {
  // libuv has one message for both
  const { message, code, errno } = path !== undefined && refusal.code === 'ENOENT' ? NO_FOLDER : refusal;
  const [, text] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? [];
  const isPort = path === undefined && fd === undefined && Boolean(port);
  const where = { ...(fd === undefined ? { address: path ?? host } : {}), ...(isPort ? { port } : {}) };
  const subject = Object.values(where).join(':');
  const error = new Error(text === undefined ? message : `listen ${code}: ${text} ${subject}`.trimEnd());
  const number = errno === undefined ? {} : { errno };
  Object.assign(error, code === undefined ? {} : { code, ...number, syscall: 'listen', ...where });
  process.nextTick(() => {
    if (server.listenerCount('error') === 0 && process.listenerCount('uncaughtException') === 0) end(error.message);
    server.emit('error', error);
  });
}

/** Ends the process with one line: a stack would not help. */
export function end(message: string): never {
  console.error(`prefork: ${message}`);
  process.exit(1);
}
