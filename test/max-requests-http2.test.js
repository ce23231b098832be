// `maxRequests` on http2: after so many streams the session is told to end, and what has begun is answered.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import test from 'node:test';
import { cleanAfter } from './helpers/cleanup.js';
import { leaving } from './helpers/leaving.js';
import { within } from './helpers/wait.js';

const LIMIT = 3;

async function connect(t, kind) {
  const options = { maxRequests: LIMIT, keepAliveTimeout: 60_000 };
  const { server, target } = await leaving(t, 'QUIT', { kind, options });
  const scheme = target.tls ? 'https' : 'http';
  const session = http2.connect(`${scheme}://127.0.0.1:${target.port}`, { rejectUnauthorized: false });
  cleanAfter(t, () => session.destroy());
  return { server, session, goaway: once(session, 'goaway'), closed: once(session, 'close') };
}

async function ask(session, path) {
  const stream = session.request({ ':method': 'POST', ':path': path });
  stream.setEncoding('utf8').end('body');
  let text = '';
  for await (const part of stream) text += part;
  return text;
}

for (const kind of ['http2', 'h2c']) {
  test(`${kind}: a session ends with its \`maxRequests\`th answer, and says so before`, async (t) => {
    const { session, goaway, closed } = await connect(t, kind);
    for (let i = 0; i < LIMIT; i++) assert.equal(await ask(session, `/later?${i}`), `answer to /later?${i}`);
    assert.equal((await within(goaway, 'no GOAWAY'))[0], http2.constants.NGHTTP2_NO_ERROR);
    await within(closed, 'it is not closed');
  });

  test(`${kind}: streams that come together beyond \`maxRequests\` are all answered`, async (t) => {
    const { server, session, goaway, closed } = await connect(t, kind);
    await once(session, 'connect');
    const paths = Array.from({ length: 2 * LIMIT }, (_, i) => `/later?${i}`);
    const answers = await Promise.all(paths.map((path) => ask(session, path)));
    assert.deepEqual(
      answers,
      paths.map((path) => `answer to ${path}`),
    );
    assert.equal((await within(goaway, 'no GOAWAY'))[0], http2.constants.NGHTTP2_NO_ERROR);
    await within(closed, 'it is not closed');
    assert.equal(server.count(/executed/), paths.length);
  });
}
