// Benchmark. Single requests on connections of their own, over a plain socket: nothing of an HTTP client is measured.

import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Connects and sends one request.
 *
 * @param options - `keep`: leave the connection open; `limit`: milliseconds until there must be an answer
 * @returns from the connect to the answer in `milliseconds`, its `body`, and the `socket`
 */
export function ask(server, path, { keep = false, limit = 10_000 } = {}) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const socket = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    const fail = (error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`No answer to ${path} within ${limit} ms`)), limit);
    let text = '';
    socket.setEncoding('latin1');
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`Connection closed before the answer to ${path}`)));
    socket.on('data', (chunk) => {
      text += chunk;
      const body = bodyOf(text);
      if (body === undefined) return;
      clearTimeout(timer);
      if (!keep) socket.destroy();
      resolve({ milliseconds: performance.now() - start, body, socket });
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: ${keep ? 'keep-alive' : 'close'}\r\n\r\n`);
  });
}

/** @returns undefined while it has not arrived */
function bodyOf(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const length = Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0);
  return text.length >= end + 4 + length ? text.slice(end + 4, end + 4 + length) : undefined;
}

/** One connection after the other. @returns the answers */
export async function askInTurn(server, path, count) {
  const answers = [];
  for (let i = 0; i < count; i++) answers.push(await ask(server, path));
  return answers;
}

/** Starts a connection every `gap` milliseconds, however long the answers take. @returns promises of the answers */
export async function askSteadily(gap, isOver, start) {
  const asked = [];
  const begin = performance.now();
  while (!isOver()) {
    asked.push(start());
    const due = begin + asked.length * gap;
    await sleep(Math.max(0, due - performance.now()));
  }
  return asked;
}

/** Connections that send nothing. @returns a function that ends them */
export async function hold(server, count) {
  const connect = () =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ port: server.port, host: '127.0.0.1' }, () => {
        socket.on('error', () => {});
        resolve(socket);
      });
      socket.once('error', reject);
    });
  const sockets = [];
  for (let i = 0; i < count; i++) sockets.push(await connect());
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
