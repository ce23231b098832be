// The `prefork` command that controls a server: sends the manager the signals that docs/signals.md lists, and waits for the result.
// It needs only the PID file and the server's memory, see observe.ts.

import { type News, Phase } from '../bulletin.js';
import { defaultPidFile } from '../manager/pid-file.js';
import { look } from '../manager/pid-look.js';
import { signalProcess } from '../manager/spawn.js';
import { checkWorkers, MAX_WORKERS } from '../options.js';
import { show } from '../validation.js';
import { CommandError, FAILED, usageError } from './command-error.js';
import type { CommandLine } from './flags.js';
import { Observed } from './observe.js';
import { showStatus } from './status.js';
import { watchStatus } from './status-watch.js';
import { findTarget } from './target.js';

/** How long a manager may take to act on a signal: one that is stopped or blocked takes longer. Milliseconds. */
const PATIENCE = 10_000;

/** Resolves with the exit status. @throws CommandError */
export async function runCommand(line: CommandLine, pidFile = defaultPidFile()): Promise<number> {
  // before the server is looked for: a mistake is a mistake on any machine
  const resize = line.command === 'resize' ? parseAmount(line.operand) : undefined;
  const server = new Observed(findTarget(pidFile));
  if (line.command !== 'status') expectOneServer(server);
  if (server.news().phase === Phase.alone) expectNoWorkers(line, server.pid);
  if (resize) await resizePool(server, resize);
  else if (line.command === 'stop') await stop(server, line.switches.has('now'));
  else if (line.command === 'reload') await reload(server);
  else if (line.command === 'upgrade') await upgrade(server, pidFile);
  else if (line.switches.has('watch')) return await watchStatus(server);
  else showStatus(server, pidFile, line.switches.has('json'));
  return 0;
}

/** INT, not TERM: with `gracefulTerm` TERM is not immediate. */
async function stop(server: Observed, now: boolean): Promise<void> {
  send(server, now ? 'SIGINT' : 'SIGQUIT');
  const isTaken = patience(server, ({ phase }) => isEnding(phase) || server.board().isStopping);
  const start = performance.now();
  await server.until((news, isAlive) => {
    if (!isAlive) return undefined;
    isTaken(news);
    if (performance.now() > start + news.stopTakes + PATIENCE) throw new CommandError(FAILED, tooLate(server, now));
    return undefined;
  });
  console.log(`Server ${server.pid} has stopped`);
}

function tooLate({ pid }: Observed, now: boolean): string {
  const fix = now ? `\`kill -KILL ${pid}\` ends it` : '`prefork stop --now` does not wait';
  return `Server ${pid} stops, and has not ended in the time that it said: is it suspended? ${fix}`;
}

const isEnding = (phase: number) => phase === Phase.stopping || phase === Phase.handedOver;

async function reload(server: Observed): Promise<void> {
  const before = server.news();
  expectServing(server, before);
  send(server, 'SIGHUP');
  // A reload that begins now runs the code as it is now. One that runs already may not.
  const ours = before.reloads + 1;
  const isTaken = patience(server, ({ reloads }) => reloads >= ours || before.reloads > finishedReload(before));
  const outcome = await server.until((news, isAlive) => {
    if (news.reloaded >= ours) return 'done';
    if (news.reloadFailed !== before.reloadFailed) return reasonOf(news);
    if (news.phase !== Phase.serving || !isAlive) return 'the server stops';
    isTaken(news);
    return undefined;
  });
  if (outcome !== 'done') throw new CommandError(FAILED, `Reload failed, ${outcome}; the server's log says more`);
  console.log(`Server ${server.pid} has reloaded its workers`);
}

/** Without a failed worker the reload never began: a certificate that cannot be read, for example. */
function reasonOf({ reloadCulprit }: News): string {
  return reloadCulprit === 0 ? 'it could not begin' : `worker ${reloadCulprit} did not come up`;
}

const finishedReload = ({ reloaded, reloadFailed }: News) => Math.max(reloaded, reloadFailed);

async function upgrade(server: Observed, pidFile: string): Promise<void> {
  const before = server.news();
  expectServing(server, before);
  if (before.upgrades > before.upgradesFailed) throw new CommandError(FAILED, 'An upgrade is under way already');
  send(server, 'SIGUSR2');
  const isTaken = patience(server, ({ upgrades }) => upgrades > before.upgrades);
  const outcome = await server.until((news, isAlive) => {
    if (news.phase === Phase.handedOver) return 'done';
    if (news.upgradesFailed > before.upgradesFailed) return 'the next manager did not come up';
    if (news.phase !== Phase.serving || !isAlive) return 'the server stops';
    isTaken(news);
    return undefined;
  });
  if (outcome !== 'done') throw new CommandError(FAILED, `Upgrade failed, ${outcome}; the server's log says more`);
  console.log(`Server ${server.pid} has handed over to ${look(pidFile)?.pid ?? 'the next one'}`);
}

interface Amount {
  by?: number;
  to?: number;
}

function parseAmount(text: string | undefined): Amount {
  const [, sign, digits] = /^([+-]?)(\d+)$/.exec(text ?? '') ?? [];
  if (digits === undefined) {
    throw usageError(`Expected 4, +1, -1 or the like after \`prefork resize\`, got ${text ? show(text) : 'nothing'}`);
  }
  try {
    checkWorkers('the number of workers', Number(digits));
  } catch (error) {
    throw usageError((error as Error).message);
  }
  return sign === '' ? { to: Number(digits) } : { by: Number(`${sign}${digits}`) };
}

/** Sends one signal at a time: the kernel merges equal signals that wait. */
async function resizePool(server: Observed, { by = 0, to }: Amount): Promise<void> {
  const before = server.news().workers;
  const goal = Math.max(0, Math.min(to ?? before + by, MAX_WORKERS));
  const step = Math.sign(goal - before);
  for (let count = before; count !== goal; count += step) {
    send(server, step > 0 ? 'SIGTTIN' : 'SIGTTOU');
    const isTaken = patience(server, ({ workers }) => workers !== count);
    const outcome = await server.until((news) => {
      isTaken(news);
      return news.workers !== count || news.phase >= Phase.stopping ? news : undefined;
    });
    if (outcome?.workers === count) throw new CommandError(FAILED, `Server ${server.pid} stops`);
  }
  console.log(`Server ${server.pid} had ${before} workers and has ${goal}`);
}

/** A signal reaches every server of the script. */
function expectOneServer({ pid, servers }: Observed): void {
  if (servers === 1) return;
  const fix = 'call stop() or reload() of the one you mean, or run each in a script of its own';
  throw new CommandError(FAILED, `Process ${pid} runs ${servers} servers, and a signal reaches all of them: ${fix}`);
}

function expectNoWorkers({ command }: CommandLine, pid: number): void {
  if (command === 'stop' || command === 'status') return;
  throw new CommandError(FAILED, `Server ${pid} serves alone, it has no workers to ${command}: restart it`);
}

function expectServing({ pid }: Observed, { phase }: News): void {
  if (phase === Phase.starting) throw new CommandError(FAILED, `Server ${pid} has no healthy worker yet`);
  if (phase !== Phase.serving) throw new CommandError(FAILED, `Server ${pid} stops`);
}

/** The error for a manager that does not act on a signal. */
function patience({ pid }: Observed, isTaken: (news: News) => boolean): (news: News) => void {
  const end = performance.now() + PATIENCE;
  return (news) => {
    if (isTaken(news) || performance.now() < end) return;
    throw new CommandError(FAILED, `Server ${pid} does not react, is it suspended?`);
  };
}

function send({ pid, isAlive }: Observed, signal: NodeJS.Signals): void {
  const outcome = isAlive ? signalProcess(pid, signal) : 'gone';
  if (outcome === 'gone') throw new CommandError(FAILED, `Can't signal server ${pid}: it has gone`);
  if (outcome === 'denied') throw new CommandError(FAILED, `Can't signal server ${pid}: it is not yours`);
}
