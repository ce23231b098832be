// Both processes. A place to listen at. Types only; locations.ts makes one of what `listen` was given.

import type { TlsOptions } from 'node:tls';
import type { TlsFiles } from './tls.js';

/** One place to listen at. */
export interface Location {
  /** As it is logged, without the query: `http://127.0.0.1:8080`. */
  url: string;
  protocol: 'http' | 'https';
  /** Path of a UNIX socket; else `host` and `port` count. */
  path?: string;
  /** Permissions of the UNIX socket, octal in the location: `?mode=660`. */
  mode?: number;
  /** A name, an address or nothing, which means every address. */
  host?: string;
  port?: number;
  /** An inherited, bound descriptor, or the name of a socket that systemd passed on. */
  fd?: number | string;
  /** A listening socket for each worker in place of one for all, `SO_REUSEPORT`. */
  reuse?: boolean;
  /** With `reuse`: the kernel chooses the socket by the client's address alone, and each socket has one worker. */
  sticky?: boolean;
  /**
   * A socket for each worker at an address of its own: `{n}` in `path` is the worker's number, else it is added to `port`. `reuse`
   * and `sticky` are set as well.
   */
  numbered?: boolean;
  /** Which one of several at the same host for which the kernel chooses the port: 0 or nothing is the first. */
  nth?: number;
  backlog: number;
  ipv6Only: boolean;
  tls?: TlsFiles;
}

/** A location as `createServer` gets it. */
export interface ServerLocation extends Location {
  /** With https: certificates and the other parameters, as `tls`, `https` and `http2.createSecureServer` take them. */
  secure?: TlsOptions;
}
