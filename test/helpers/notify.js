// A notify socket as systemd has it, and what a server sends there.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cleanAfter } from './cleanup.js';
import { eventually } from './wait.js';

/**
 * @param {import('node:test').TestContext} t
 * @param {string} address a path, or `@name`
 */
export async function notifySocket(t, address) {
  const script = fileURLToPath(new URL('../fixtures/notify-socket.py', import.meta.url));
  const child = spawn('python3', [script, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  const receiver = {
    address,
    /** All so far: `{ pid, text }`, the text as it was sent. @type {{ pid: number, text: string }[]} */
    messages: [],
    /** The first message with this line, also one that came before the call; `after`: how many messages to skip. */
    receives: (pattern, { after = 0 } = {}) =>
      eventually(
        () => receiver.messages.slice(after).find(({ text }) => pattern.test(text)),
        () => `never received ${pattern}, but: ${JSON.stringify(receiver.messages, null, 2)}`,
      ),
    count: (pattern) => receiver.messages.filter(({ text }) => pattern.test(text)).length,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
  cleanAfter(t, () => receiver.end());
  const lines = createInterface({ input: child.stdout });
  const ready = once(lines, 'line');
  lines.on('line', (line) => {
    const message = JSON.parse(line);
    if (message !== 'ready') receiver.messages.push(message);
  });
  await ready;
  return receiver;
}
