// Clients of Socket.IO as its users have them, on loopback.

import http from 'node:http';
import { io } from 'socket.io-client';
import { cleanAfter } from './cleanup.js';
import { eventually } from './wait.js';

/**
 * Connects so many clients, each from an address of its own, and with cookies as a browser has them.
 *
 * @param {{ host: string, port: number }} front
 */
export function connectAll(t, front, count, options = {}) {
  return Array.from({ length: count }, (_, i) => {
    const agent = new http.Agent({ keepAlive: true, localAddress: `127.0.1.${i + 1}` });
    const client = io(`http://${front.host}:${front.port}`, {
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      withCredentials: true,
      agent,
      ...options,
    });
    cleanAfter(t, () => {
      client.close();
      agent.destroy();
    });
    return client;
  });
}

/** Each asks its worker; resolves with the numbers when all have an answer. */
export async function askAll(clients) {
  const answers = new Map();
  const isAnswered = async (client) => {
    if (!client.connected) return false;
    try {
      answers.set(client, await client.timeout(2_000).emitWithAck('ask'));
      return true;
    } catch {
      return false; // it was disconnected meanwhile: it comes back
    }
  };
  await eventually(
    async () => (await Promise.all(clients.map((client) => answers.has(client) || isAnswered(client)))).every(Boolean),
    () => `${answers.size} of ${clients.length} have an answer`,
  );
  return clients.map((client) => answers.get(client));
}
