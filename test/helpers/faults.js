// Errors of system calls, put into a process from outside by strace(1).

import { spawn } from 'node:child_process';
import { cleanAfter } from './cleanup.js';
import { eventually } from './wait.js';

/**
 * Makes the next `times` of these system calls fail in one process, not in its children; all of them without `times`.
 *
 * @param {import('node:test').TestContext} t
 * @param {number} pid
 * @param {string} calls names, with commas between them
 * @param {string} error such as ENOMEM
 * @returns {Promise<{ count: () => number, stop: () => Promise<void> }>} how many calls have failed so far; ends it
 */
export async function inject(t, pid, calls, error, times) {
  const when = times === undefined ? '' : `:when=1..${times}`;
  const flags = ['-p', `${pid}`, '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}${when}`];
  const strace = spawn('strace', flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  strace.stderr.on('data', (text) => {
    output += text;
  });
  const ended = new Promise((resolve) => {
    strace.once('exit', resolve);
    strace.once('error', (cause) => {
      output += `${cause.message}, install strace`;
      resolve();
    });
  });
  const stop = async () => {
    strace.kill('SIGTERM');
    await ended;
  };
  cleanAfter(t, stop);
  await eventually(
    () => output.includes('attached'),
    () => `strace is not attached: ${output}`,
    10_000,
  );
  return { count: () => output.split('(INJECTED)').length - 1, stop };
}
