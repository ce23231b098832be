// Clients that do whatever real ones do, at random, with a seed: pipelining, requests in pieces, hanging up at any moment, half
// a head, slow reading, `Expect`, upgrades, http2 with streams that are cancelled. They keep account of what they may expect.

import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';

const WAYS = ['now', 'read', 'later', 'refuse', 'keep', 'pieces', 'big'];
/** Far longer than any answer takes. Milliseconds. */
const PATIENCE = 20_000;

/** Numbers in [0, 1), the same for the same seed: mulberry32. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Clients at the targets until the signal aborts.
 *
 * @param {{ seed: number, clients: number, targets: { http1: object[], http2: string[] }, signal: AbortSignal }} settings
 * @returns what each request came to, by its id: `{ isAnswered, isGone, isOwed, how, error }`. It is gone when the client has
 * hung up, and owed when it was the first on its connection, so that no server may refuse it.
 */
export async function fuzz({ seed, clients, targets, signal }) {
  const requests = new Map();
  const client = async (number) => {
    const dice = new Dice(seed + number);
    for (let turn = 0; !signal.aborted; turn++) {
      const name = `${seed}-${number}-${turn}`;
      const isHttp2 = targets.http2.length > 0 && dice.chance(0.25);
      if (isHttp2) await talkHttp2(dice, dice.one(targets.http2), name, requests);
      else await talk(dice, dice.one(targets.http1), name, requests);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return requests;
}

class Dice {
  #random;

  constructor(seed) {
    this.#random = random(seed);
  }

  chance(probability) {
    return this.#random() < probability;
  }

  upTo(limit) {
    return Math.floor(this.#random() * (limit + 1));
  }

  one(values) {
    return values[this.upTo(values.length - 1)];
  }
}

/** One connection of HTTP/1. */
async function talk(dice, target, name, requests) {
  const socket = target.tls ? tls.connect({ ...target, rejectUnauthorized: false }) : net.connect(target);
  const reader = new Reader(socket);
  try {
    await once(socket, target.tls ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    requests.set(`${name}-connect`, { isAnswered: false, isGone: false, isOwed: true, how: 'connect', error });
    return socket.destroy();
  }
  socket.on('error', () => {});
  if (dice.chance(0.05)) await upgrade(socket, dice, reader);
  else if (dice.chance(0.1)) await stallAndGo(socket, dice);
  else for (let batch = 0; batch <= dice.upTo(2); batch++) if (!(await sendBatch(batch))) break;
  if (dice.chance(0.2)) reset();
  socket.destroy();

  function reset() {
    // of TCP only
    if (target.port && !target.tls) socket.resetAndDestroy();
    else socket.destroy();
  }

  async function sendBatch(batch) {
    // over TLS one at a time: Node's own server loses 3 of 100 requests that are pipelined there
    const own = Array.from({ length: 1 + (target.tls ? 0 : dice.upTo(3)) }, (_, i) => {
      const how = dice.one(WAYS);
      const request = {
        id: `${name}-${batch}-${i}`,
        how,
        at: `${target.path ? 'unix' : target.tls ? 'tls' : 'tcp'}`,
        isAnswered: false,
        isGone: false,
        isOwed: batch === 0 && i === 0,
      };
      requests.set(request.id, request);
      return request;
    });
    const hangsUp = dice.chance(0.15);
    const text = Buffer.concat(own.map((request) => encode(request, dice)));
    if (dice.chance(0.1)) reader.pause(dice.upTo(100));
    await sendInPieces(socket, text.subarray(0, hangsUp ? dice.upTo(text.length) : text.length), dice);
    if (hangsUp) {
      for (const request of own) request.isGone = true;
      if (dice.chance(0.5)) await sleep(dice.upTo(20));
      if (dice.chance(0.3)) socket.end();
      else if (dice.chance(0.5)) reset();
      return false;
    }
    for (const request of own) {
      const answer = await reader.answer();
      if (!answer) {
        request.error = reader.error ?? new Error(`ended with ${reader.left} bytes left`);
        return false;
      }
      request.isAnswered = answer.body.startsWith(request.id);
      if (!request.isAnswered) request.error = new Error(`another answer: ${answer.body.slice(0, 40)}`);
      if (answer.isLast) return false;
    }
    return true;
  }
}

function encode({ id, how }, dice) {
  if (how !== 'read' && dice.chance(0.4)) return Buffer.from(`GET /${how}/${id} HTTP/1.1\r\nHost: here\r\n\r\n`);
  const body = Buffer.alloc(dice.one([0, 10, 1000, 100_000]), 'b');
  const expect = dice.chance(0.1) ? 'Expect: 100-continue\r\n' : '';
  const head = `POST /${how}/${id} HTTP/1.1\r\nHost: here\r\n${expect}`;
  if (dice.chance(0.7)) return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
  const chunk = body.length > 0 ? `${body.length.toString(16)}\r\n${body}\r\n` : '';
  return Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`);
}

async function sendInPieces(socket, bytes, dice) {
  if (dice.chance(0.6)) return void socket.write(bytes);
  for (let at = 0; at < bytes.length && socket.writable; ) {
    const next = at + 1 + dice.upTo(Math.max(50, bytes.length / 4));
    socket.write(bytes.subarray(at, next));
    at = next;
    if (dice.chance(0.5)) await sleep(dice.upTo(5));
  }
}

/** Half a request, and then nothing, or an end. */
async function stallAndGo(socket, dice) {
  socket.write('POST /read/none HTTP/1.1\r\nHost: here\r\nContent-Le'.slice(0, dice.upTo(60)));
  await sleep(dice.upTo(200));
  if (dice.chance(0.5)) socket.end();
}

async function upgrade(socket, dice, reader) {
  socket.write('GET /upgrade HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  if (await reader.answer()) socket.write('some bytes');
  await sleep(dice.upTo(100));
  if (dice.chance(0.5)) socket.end();
}

/** One session of http2. */
async function talkHttp2(dice, url, name, requests) {
  const session = http2.connect(url, { rejectUnauthorized: false });
  session.on('error', () => {});
  const streams = Array.from({ length: 1 + dice.upTo(5) }, (_, i) => {
    const how = dice.one(WAYS);
    const request = { id: `${name}-h2-${i}`, how, isAnswered: false, isGone: false, isOwed: false };
    requests.set(request.id, request);
    return askHttp2(session, request, dice);
  });
  if (dice.chance(0.2)) {
    await sleep(dice.upTo(40));
    for (const { request } of streams) request.isGone ||= !request.isAnswered;
    session.destroy();
  }
  await Promise.all(streams.map(({ done }) => done));
  session.destroy();
}

function askHttp2(session, request, dice) {
  const stream = session.request({ ':method': 'POST', ':path': `/${request.how}/${request.id}` });
  let body = '';
  const done = new Promise((resolve) => {
    const timer = setTimeout(() => stream.destroy(new Error('no answer')), PATIENCE);
    stream.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    stream.on('error', (error) => {
      request.error = error;
    });
    stream.on('close', () => {
      clearTimeout(timer);
      request.isAnswered = body.startsWith(request.id);
      request.error ??= new Error(`closed with ${stream.rstCode} after ${body.length} bytes`);
      resolve();
    });
  });
  stream.write(Buffer.alloc(dice.one([0, 10, 10_000])));
  if (dice.chance(0.1)) {
    request.isGone = true;
    setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), dice.upTo(20));
  } else {
    stream.end();
  }
  return { request, done };
}

/** Reads answers one after the other; `undefined` when the connection has ended. */
class Reader {
  error;
  #text = '';
  #isEnded = false;
  #changed = () => {};
  #socket;

  constructor(socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      this.#text += text;
      this.#changed();
    });
    const end = (error) => {
      this.#isEnded = true;
      if (error instanceof Error) this.error ??= error;
      this.#changed();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  get left() {
    return this.#text.length;
  }

  /** A client that reads nothing for a while. */
  pause(milliseconds) {
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), milliseconds);
  }

  async answer() {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const answer = this.#take();
      if (answer?.isInterim) continue;
      if (answer) return answer;
      if (this.#isEnded) return undefined;
      if (performance.now() > deadline) {
        this.error = new Error(`no answer, but ${JSON.stringify(this.#text.slice(0, 200))}`);
        return undefined;
      }
      await Promise.race([
        new Promise((resolve) => {
          this.#changed = resolve;
        }),
        sleep(PATIENCE, undefined, { ref: false }),
      ]);
    }
  }

  #take() {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.#text.slice(0, end).toLowerCase();
    const rest = this.#text.slice(end + 4);
    const take = (body, left) => {
      this.#text = left;
      return { body, isLast: /^connection: close$/m.test(head), isInterim: head.startsWith('http/1.1 100') };
    };
    if (/^http\/1.1 1/.test(head)) return take('', rest);
    if (/^transfer-encoding: chunked$/m.test(head)) return takeChunks(rest, take);
    const length = Number(/^content-length: (\d+)$/m.exec(head)?.[1] ?? 0);
    return rest.length < length ? undefined : take(rest.slice(0, length), rest.slice(length));
  }
}

function takeChunks(text, take) {
  let body = '';
  for (let at = 0; ; ) {
    const line = text.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const length = Number.parseInt(text.slice(at, line), 16);
    const next = line + 2 + length + 2;
    if (text.length < next) return undefined;
    if (length === 0) return take(body, text.slice(next));
    body += text.slice(line + 2, next - 2);
    at = next;
  }
}
