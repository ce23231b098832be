// A raw HTTP/1.1 client on one socket that misses nothing: every refusal, reset, missing end and delay is a `Lost` error
// with the word to count it under.

import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { within } from './wait.js';

/** What a client that did nothing wrong must never see: refused, reset, closed (too early), late or wrong. */
export class Lost extends Error {
  constructor(kind, message, cause) {
    super(`${kind}: ${message}`, cause && { cause });
    this.kind = kind;
  }
}

const KINDS = { ECONNREFUSED: 'refused', ENOENT: 'refused', EAGAIN: 'refused' };

/** Connects to `{ port }` or `{ path }`, with `tls: true` over TLS. Rejects with `Lost`. */
export async function open({ tls: secure = false, ...target }, { timeout = 10_000 } = {}) {
  const address = target.path === undefined ? { host: '127.0.0.1', ...target } : target;
  const socket = secure ? tls.connect({ ...address, rejectUnauthorized: false }) : net.connect(address);
  const connection = new Connection(socket, timeout);
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(timeout) });
  } catch (error) {
    socket.destroy();
    if (error.name === 'AbortError') throw new Lost('late', `not connected after ${timeout} ms`, error);
    throw new Lost(KINDS[error.code] ?? 'reset', error.message, error);
  }
  return connection;
}

/** One request on a connection of its own. */
export async function fetchOnce(target, request = {}, options = {}) {
  const connection = await open(target, options);
  try {
    return await connection.request({ ...request, headers: { connection: 'close', ...request.headers } });
  } finally {
    connection.close();
  }
}

class Connection {
  isOpen = true;
  #socket;
  #timeout;
  #received = Buffer.alloc(0);
  #error;
  #changed = () => {};
  #ended;

  constructor(socket, timeout) {
    this.#socket = socket;
    this.#timeout = timeout;
    const { promise, resolve } = deferred();
    this.#ended = promise;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#changed();
    });
    const finish = (how, error) => {
      this.isOpen = false;
      this.#error ??= error;
      resolve(how);
      this.#changed();
    };
    socket.on('end', () => finish('end'));
    socket.on('error', (error) => finish(error.code, error));
    socket.on('close', () => finish('end'));
  }

  /** Resolves when the other side has ended it: 'end', or the code of the error. */
  get ended() {
    return within(this.#ended, 'the connection was not ended');
  }

  /** Writes raw bytes, for those who send a request piece by piece. */
  send(bytes) {
    this.#socket.write(bytes);
  }

  /** Writes the last bytes, and says that they are the last. */
  finish(bytes) {
    this.#socket.end(bytes);
  }

  /** Sends a request and waits for its answer. */
  request(request = {}) {
    this.send(encode(request));
    return this.response();
  }

  /** Waits for the next whole answer: `{ status, headers, body }`. */
  async response() {
    const { response, rest } = await this.#read(() => parse(this.#received));
    this.#received = rest;
    return response;
  }

  /** Waits until what was received and not yet taken by `response()` contains the text. */
  receives(text) {
    return this.#read(() => this.#received.includes(text));
  }

  close() {
    this.#socket.destroy();
  }

  /** What `take` finds in the bytes received, as soon as it finds something. */
  async #read(take) {
    const deadline = setTimeout(() => {
      this.#error ??= new Lost('late', `nothing after ${this.#timeout} ms`);
      this.#changed();
    }, this.#timeout);
    try {
      for (;;) {
        const found = take();
        if (found) return found;
        if (this.#error instanceof Lost) throw this.#error;
        if (this.#error) throw new Lost('reset', this.#error.message, this.#error);
        if (!this.isOpen) throw new Lost('closed', `ended after ${this.#received.length} bytes of the answer`);
        const { promise, resolve } = deferred();
        this.#changed = resolve;
        await promise;
      }
    } finally {
      clearTimeout(deadline);
    }
  }
}

function encode({ method, path = '/', headers = {}, body }) {
  const lines = [`${method ?? (body === undefined ? 'GET' : 'POST')} ${path} HTTP/1.1`, 'Host: localhost'];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')]);
}

/** The first whole answer and what follows it; `undefined` while some of it is missing. */
function parse(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => split(line.toLowerCase(), ': ')));
  const rest = bytes.subarray(end + 4);
  const content = headers['transfer-encoding'] === 'chunked' ? readChunks(rest) : readLength(rest, headers);
  if (!content) return undefined;
  return { response: { status: Number(first.split(' ')[1]), headers, body: content.body }, rest: content.rest };
}

function readLength(bytes, headers) {
  const length = Number(headers['content-length'] ?? 0);
  return bytes.length < length ? undefined : { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

function readChunks(bytes) {
  const chunks = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return undefined;
    const length = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const next = line + 2 + length + 2;
    if (bytes.length < next) return undefined;
    if (length === 0) return { body: Buffer.concat(chunks), rest: bytes.subarray(next) };
    chunks.push(bytes.subarray(line + 2, next - 2));
    at = next;
  }
}

function split(text, separator) {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

function deferred() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
