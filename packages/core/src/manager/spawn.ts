// Manager. The only file that starts or signals a process.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { PIPE_FD } from '../descriptors.js';
import { type Identity, identityVariables, koffiVariable, type Succession, successionVariable } from '../handover.js';
import { koffiBinary } from '../libc.js';
import { inheritedVariables, nextVariables } from './environment.js';
import { nextFolder } from './folder.js';
import { origin } from './origin.js';

/** A process as the manager that started it holds it. */
export interface WorkerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Where it finds its facts. */
  readonly pipe: Duplex;
}

/** The descriptors and settings that a new process gets. */
export interface SpawnOptions {
  /** From {@link PIPE_FD} + 1 on, in order. */
  descriptors: readonly number[];
  /** Where it starts; by default where this process was started. */
  directory?: string | undefined;
  /** Its inspector, should it be opened, takes any port of loopback. */
  hangReport?: boolean;
  /** Another user's variables, in place of those of this process' user. */
  variables?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
}

/**
 * Runs this process' own script again, with the same flags of Node and the same arguments. Returns nothing when the system
 * has no room for another process, or the folder cannot be entered. `failed` gets the reason.
 */
export function spawnWorker(
  identity: Identity,
  options: SpawnOptions,
  failed: (error: Error) => void,
): WorkerProcess | undefined {
  const flags = workerExecArgv(origin().execArgv, identity.slot, options.hangReport === true);
  const variables = { ...options.variables, ...identityVariables(identity), ...koffiVariable(koffiBinary()) };
  // stdin stays with the manager: several readers of one terminal get a part of it each
  return start({ node: process.execPath, flags, variables, stdin: 'ignore' }, options, failed);
}

/**
 * Starts this process' command line again as the next manager, by the name that the shell knew, so that a new `node` on
 * PATH is the one that runs. Returns and fails as {@link spawnWorker}.
 */
export function spawnManager(succession: Succession, options: SpawnOptions, failed: (error: Error) => void) {
  const variables = { ...nextVariables(), ...successionVariable(succession) };
  return start({ node: process.argv0, flags: origin().execArgv, variables, stdin: 'inherit' }, options, failed);
}

interface Role {
  node: string;
  flags: readonly string[];
  variables: NodeJS.ProcessEnv;
  stdin: 'ignore' | 'inherit';
}

/**
 * Starts a process whose descriptor 3 is a pipe. Node emits some of the errors of the system, and throws the others;
 * `failed` gets all of them, in a later tick.
 */
function start(
  { node, flags, variables, stdin }: Role,
  { descriptors, directory, uid, gid }: SpawnOptions,
  failed: (error: Error) => void,
): WorkerProcess | undefined {
  let child: ChildProcess;
  try {
    const folder = nextFolder(directory);
    child = spawn(node, [...flags, '--', ...origin().args], {
      stdio: [stdin, 'inherit', 'inherit', 'pipe', ...descriptors],
      cwd: folder,
      env: { ...inheritedVariables(folder), ...variables },
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
  } catch (error) {
    process.nextTick(failed, error);
    return undefined;
  }
  child.once('error', failed);
  // after EMFILE and ENFILE there is no `stdio`, whatever the types say
  const { pid, stdio }: { pid?: number | undefined; stdio?: ChildProcess['stdio'] } = child;
  const pipe = stdio?.[3];
  return pid === undefined || !pipe ? undefined : { child, pid, pipe: pipe as Duplex };
}

/**
 * One inspector port cannot serve a pool: each worker gets its own, counted from the manager's as node:cluster does. None
 * waits for a debugger to come: it would be killed for its missing heartbeat.
 */
function workerExecArgv(execArgv: readonly string[], slot: number, isExamined: boolean): string[] {
  const flags = execArgv.map((flag) => flag.replace(/^--inspect-(?:brk|wait)(?==|$)/, '--inspect'));
  const asked = [...execArgv, origin().env.NODE_OPTIONS].join(' ');
  if (!/--inspect(?!-port|-publish)/.test(asked)) return isExamined ? [...flags, '--inspect-port=127.0.0.1:0'] : flags;
  const isAnyPort = /--inspect[\w-]*=(?:\S*:)?0(?:\s|$)/.test(asked);
  const port = process.debugPort + 1 + slot;
  return [...flags, `--inspect-port=${isAnyPort || port > 65_535 ? 0 : port}`];
}

/** @returns `gone` when there is no such process, whose exit is on the way; `denied` when it belongs to another user. */
export function signalProcess(pid: number, signal: NodeJS.Signals): 'sent' | 'gone' | 'denied' {
  try {
    process.kill(pid, signal);
    return 'sent';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'denied' : 'gone';
  }
}

/**
 * An entry of a database of the system, asked by getent(1) as the system is set up: files, LDAP.
 *
 * @returns its fields; nothing when there is no such entry.
 * @throws the error of spawn when there is no getent.
 */
export function findEntry(database: 'passwd' | 'group', key: string): string[] | undefined {
  // the name may begin with a dash
  const { error, status, stdout } = spawnSync('getent', [database, '--', key], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error) throw error;
  return status === 0 ? stdout.trimEnd().split(':') : undefined;
}
