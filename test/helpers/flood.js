// Clients that POST without a pause, check every byte of the echo, and count whatever goes wrong.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lost, open } from './connection.js';

const SIZE = 16_256; // as Puma's tests: more than one packet, and less than a socket's buffer

/**
 * Sends POSTs until `requests` were answered or lost and `until()` holds, or `signal` aborts it.
 * @returns a tally: `answered`, `lost` (each a `Lost` with the client and, where it is known, the worker), and who answered how many.
 */
export async function flood(target, options = {}) {
  const { requests = 500, clients = 8, until = () => true, keepAlive = true, pause = 0, path = '/', signal } = options;
  const tally = { sent: 0, answered: 0, lost: [], workers: new Map() };
  const isDone = () => signal?.aborted || (tally.sent >= requests && until(tally));
  const client = async (number) => {
    let connection;
    let worker;
    while (!isDone()) {
      const body = Buffer.alloc(SIZE, `client ${number}, request ${tally.sent}; `);
      tally.sent += 1;
      try {
        // one that was closed while it was idle is no loss
        if (!connection?.isOpen) {
          worker = undefined;
          connection = await open(target);
        }
        const response = await connection.request({ path, body, headers: keepAlive ? {} : { connection: 'close' } });
        worker = Number(response.headers['x-worker']);
        check(response, body);
        tally.answered += 1;
        tally.workers.set(worker, (tally.workers.get(worker) ?? 0) + 1);
        if (response.headers.connection === 'close') connection = hangUp(connection);
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        tally.lost.push(Object.assign(error, { client: number, worker }));
        connection = hangUp(connection);
      }
      if (pause > 0) await sleep(pause);
    }
    hangUp(connection);
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return tally;
}

function hangUp(connection) {
  connection?.close();
  return undefined;
}

function check({ status, body }, sent) {
  if (status !== 200) throw new Lost('wrong', `status ${status}`);
  if (!body.equals(sent)) throw new Lost('wrong', `${body.length} bytes that differ from what was sent`);
}

/** Says what was lost, by kind. */
export function assertNothingLost({ sent, answered, lost }) {
  const kinds = lost.map(({ message }) => message);
  assert.deepEqual({ lost: kinds, answered }, { lost: [], answered: sent });
}
