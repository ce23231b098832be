// A command on a terminal of its own: script(1) makes it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cleanAfter } from './cleanup.js';
import { within } from './wait.js';

const CLI = fileURLToPath(new URL('../../packages/core/dist/bundle/cli.js', import.meta.url));

/** Starts `prefork <args>` there; the arguments may end in a pipe. */
export function startTerminal(t, dir, args, { columns, rows }) {
  const command = `stty cols ${columns} rows ${rows}; exec ${process.execPath} ${CLI} ${args.join(' ')} -P ${dir}/prefork.pid`;
  const text = args.includes('|')
    ? `stty cols ${columns} rows ${rows}; ${process.execPath} ${CLI} ${args.slice(0, args.indexOf('|')).join(' ')} -P ${dir}/prefork.pid ${args.slice(args.indexOf('|')).join(' ')}`
    : command;
  const child = spawn('script', ['-qefc', text, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh' },
  });
  const terminal = {
    output: '',
    type: (keys) => child.stdin.write(keys),
    exited: once(child, 'close').then(([code]) => code),
    signal: (name) => spawn('pkill', [`-${name.slice(3)}`, '-P', String(child.pid)]),
  };
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    terminal.output += chunk;
  });
  child.stdin.on('error', () => {}); // it has ended
  cleanAfter(t, () => child.kill('SIGKILL'));
  terminal.exited = within(terminal.exited, () => `it does not end\n${terminal.output}`);
  return terminal;
}
