// Manager. Reports what a worker with an overdue heartbeat was doing: a log line, an event, and a line of JSON in a file. It decides
// nothing, and an error here is only logged.

import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf, PreforkError } from '../errors.js';
import { REQUESTS_SYMBOL } from '../handover.js';
import type { Settings } from '../options.js';
import { printable } from '../printable.js';
import { attempt } from './guard.js';
import { type Frame, inspect, type Look } from './inspector.js';
import type { WorkerRecord } from './policy.js';

/** A request in flight. */
export interface HungRequest {
  method: string;
  /** Without the query. */
  path: string;
  /** Milliseconds since it has begun. */
  age: number;
}

/** The argument of the event `hang`, and a line of `hangReportFile`. */
export interface HangReport {
  /** ISO 8601. */
  time: string;
  pid: number;
  workerId: number;
  /** The calls, the innermost first; empty where V8 gives none. */
  frames: Frame[];
  /** The oldest requests in flight. */
  requests: HungRequest[];
  /** Why the report is incomplete. */
  note?: string;
}

/** The most calls that a report has, and the most requests. */
const FRAMES = 30;
const REQUESTS = 5;

/** How long V8 may take. Milliseconds. */
const PATIENCE = 2_000;

/** @throws PreforkError when the file cannot be written; a warning where Node does not listen for SIGUSR1. */
export function checkHangReport({ hangReport, hangReportFile, log }: Settings): void {
  if (hangReportFile !== undefined) {
    try {
      closeSync(openSync(hangReportFile, 'a', 0o600));
    } catch (error) {
      const message = `Can't write hang reports to "${hangReportFile}": ${messageOf(error)}; create its folder, or name another file`;
      throw new PreforkError('ERR_PREFORK_HANG_REPORT_FILE', message, error);
    }
  }
  const flags = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ');
  const [flag] = /--disable-sigusr1|--(?:experimental-)?permission\b/.exec(flags) ?? [];
  if (hangReport && flag)
    log.warn(`Hang reports tell no stack: Node was started with ${flag}, which keeps SIGUSR1 from its inspector`);
}

export class HangReports {
  readonly #settings: Settings;
  readonly #tell: (pid: number, report: HangReport) => void;
  readonly #inspect: (pid: number, expression: string, limit: number) => Promise<Look>;

  constructor(settings: Settings, tell: (pid: number, report: HangReport) => void, look = inspect) {
    this.#settings = settings;
    this.#tell = tell;
    this.#inspect = look;
  }

  /** Resolves when the report is made, and never rejects. */
  async report({ pid, id }: WorkerRecord): Promise<void> {
    const { log, hangReportFile } = this.#settings;
    const report: HangReport = { time: new Date().toISOString(), pid, workerId: id, frames: [], requests: [] };
    try {
      Object.assign(report, await this.#ask(pid, EXPRESSION));
    } catch (error) {
      report.note = `${messageOf(error)}: it is stopped, or runs native code`;
    }
    attempt(log, 'tell of a hang', () => {
      log.error(lineOf(report, 'hangs'));
      if (hangReportFile !== undefined) append(hangReportFile, report);
      this.#tell(pid, report);
    });
  }

  /** For a worker that blocks longer than `slowRequest`, and goes on. A look without a result is not worth a line. */
  async slow({ pid }: WorkerRecord): Promise<void> {
    try {
      const answer = await this.#ask(pid, `${CLOSE_LATER}, ${EXPRESSION}`);
      this.#settings.log.warn(lineOf({ pid, ...answer }, 'blocks'));
    } catch {
      // it runs native code, or has gone on: it logs the request itself when that is over
    }
  }

  async #ask(pid: number, expression: string): Promise<Pick<HangReport, 'frames' | 'requests'>> {
    const { frames, value } = await this.#inspect(pid, expression, PATIENCE);
    return { frames: frames.slice(0, FRAMES), requests: requestsOf(value) };
  }
}

const CLOSE = "globalThis.process.getBuiltinModule('node:inspector').close()";

/**
 * Closes the worker's inspector when its loop runs again, a turn later: in the first turn the loop still handles SIGUSR1, which has
 * opened the inspector from the signal's thread and would open it once more.
 */
const CLOSE_LATER = `globalThis.setImmediate(() => globalThis.setImmediate(() => ${CLOSE}))`;

/** The facts that a worker gives even while its loop is blocked. */
const EXPRESSION = `globalThis[Symbol.for('${REQUESTS_SYMBOL}')]?.()`;

/** Reads the worker's answer, which may be anything. */
function requestsOf(value: unknown): HungRequest[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, REQUESTS).map((request: Partial<HungRequest> | null) => ({
    method: String(request?.method).slice(0, 20),
    path: String(request?.path).slice(0, 500),
    age: Math.max(0, Math.round(Number(request?.age) || 0)),
  }));
}

type Told = Pick<HangReport, 'pid' | 'frames' | 'requests' | 'note'>;

function lineOf({ pid, frames, requests, note }: Told, verb: string): string {
  const own = frames.find(({ file }) => file.startsWith('/') && !file.includes('/node_modules/')) ?? frames[0];
  const where = own
    ? `${verb} in ${own.function || 'an anonymous function'} (${own.file}:${own.line}:${own.column})`
    : verb;
  const [oldest] = requests;
  const what = oldest
    ? `; ${requests.length} in flight, the oldest for ${oldest.age} ms: ${oldest.method} ${oldest.path}`
    : '';
  const stack =
    frames.length > 1
      ? `; stack: ${frames
          .slice(0, 8)
          .map(({ function: name, file, line }) => `${name || '(anonymous)'} ${file}:${line}`)
          .join(' < ')}`
      : '';
  return printable(`Worker ${pid} ${where}${what}${note === undefined ? '' : ` (${note})`}${stack}`);
}

function append(file: string, report: HangReport): void {
  const fd = openSync(file, 'a', 0o600);
  try {
    writeSync(fd, `${JSON.stringify(report)}\n`);
  } finally {
    closeSync(fd);
  }
}
