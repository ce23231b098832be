// The same as flood.js, over http2: clients that POST on a session of their own, and count whatever goes wrong.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';

const SIZE = 16_256;
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } = http2.constants;
/** Node's own client does not begin a stream on a session that has ended. */
const NOT_BEGUN = ['ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_INVALID_SESSION'];

/**
 * Sends POSTs until `until()` holds. What the server says it has not processed, by GOAWAY or REFUSED_STREAM, is sent again.
 *
 * @returns a tally: `sent`, `answered`, `again`, and `lost`, errors.
 */
export async function floodHttp2(target, { clients = 4, until, keepsSession = true, pause = 0 }) {
  const tally = { sent: 0, answered: 0, again: 0, lost: [] };
  const client = async (number) => {
    let session;
    while (!until(tally)) {
      session = session && isOpen(session) ? session : await connect(target);
      const body = Buffer.alloc(SIZE, `client ${number}, request ${tally.sent}; `);
      tally.sent += 1;
      const failure = await post(session, body).catch((error) => error);
      if (failure === undefined) tally.answered += 1;
      else if (failure.isUnprocessed) tally.again += 1;
      else tally.lost.push(failure);
      if (failure || !keepsSession) session = await hangUp(session);
      if (pause > 0) await sleep(pause);
    }
    await hangUp(session);
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return tally;
}

/** Says what was lost, by kind. */
export function assertNothingLostHttp2({ sent, answered, again, lost }) {
  const kinds = lost.map((error) => `${error.code}: ${error.message}`);
  assert.deepEqual({ lost: kinds, answered }, { lost: [], answered: sent - again });
}

function isOpen(session) {
  return !session.closed && !session.destroyed;
}

async function connect({ port, tls }) {
  const session = http2.connect(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  // the last stream that the server will answer
  session.once('goaway', (_code, last) => {
    session.last = last;
  });
  return session;
}

/** Resolves when every byte has come back. */
async function post(session, body) {
  let stream;
  try {
    stream = session.request({ ':method': 'POST' });
  } catch (error) {
    throw Object.assign(error, { isUnprocessed: NOT_BEGUN.includes(error.code) });
  }
  const chunks = [];
  let failure;
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('error', (error) => {
    failure = error;
  });
  stream.end(body);
  if (!stream.closed) await once(stream, 'close').catch(() => {});
  if (!failure && stream.rstCode === NGHTTP2_NO_ERROR && Buffer.concat(chunks).equals(body)) return;
  const isUnprocessed =
    stream.rstCode === NGHTTP2_REFUSED_STREAM || NOT_BEGUN.includes(failure?.code) || stream.id > session.last;
  const error = failure ?? new Error(`${Buffer.concat(chunks).length} bytes that differ, reset code ${stream.rstCode}`);
  throw Object.assign(error, { isUnprocessed });
}

async function hangUp(session) {
  if (session && !session.destroyed) {
    const closed = once(session, 'close').catch(() => {});
    session.close();
    await closed;
  }
  return undefined;
}
