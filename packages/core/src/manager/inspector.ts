// Manager. Asks V8 where a blocked process is: SIGUSR1 opens Node's inspector on a port of loopback, on a thread of its own, and a
// pause shows the stack. It never waits longer than the given limit, and its only effect on the process is this pause.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from '../require.js';
import { signalProcess } from './spawn.js';

/** A call, the innermost first. */
export interface Frame {
  /** Empty for code outside of functions, and for anonymous ones. */
  function: string;
  /** A path, or a URL that is none of a file: `node:internal/...`. */
  file: string;
  /** From 1 on. */
  line: number;
  column: number;
}

export interface Look {
  frames: Frame[];
  /** What the expression gave. */
  value: unknown;
}

const LOOPBACK = '127.0.0.1';

/** How often /proc is read for the port: there is no event. Milliseconds. */
const PACE = 5;

/** The port of each inspector that was opened: one that is still open opens no other. */
const opened = new Map<number, number>();

/**
 * The stack of a process, and the value of an expression in it.
 *
 * @param limit milliseconds
 * @throws when the process tells nothing in time
 */
export async function inspect(pid: number, expression: string, limit: number): Promise<Look> {
  const end = performance.now() + limit;
  const before = portsOf(pid);
  const known = opened.get(pid) ?? 0;
  if (signalProcess(pid, 'SIGUSR1') !== 'sent') throw new Error('the process cannot be signalled');
  const port = before.has(known) ? known : await newPort(pid, before, end);
  opened.set(pid, port);
  const [target] = (await getJson(port, end)) as { webSocketDebuggerUrl?: string }[];
  if (target?.webSocketDebuggerUrl === undefined) throw new Error('its inspector has no target');
  return pause(target.webSocketDebuggerUrl, expression, end);
}

async function newPort(pid: number, before: ReadonlySet<number>, end: number): Promise<number> {
  while (performance.now() < end) {
    const port = [...portsOf(pid)].find((other) => !before.has(other));
    if (port !== undefined) return port;
    await sleep(PACE);
  }
  throw new Error('it opened no inspector');
}

/** Where a process listens on loopback, proc(5) and tcp(7). */
function portsOf(pid: number): Set<number> {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    }),
  );
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'latin1').split('\n').slice(1);
  return new Set(
    lines.flatMap((line) => {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      const isOurs = state === '0A' && own.has(`socket:[${inode}]`);
      return isOurs ? [Number.parseInt(local.slice(local.indexOf(':') + 1), 16)] : [];
    }),
  );
}

function getJson(port: number, end: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timeout = Math.max(1, end - performance.now());
    const request = get({ host: LOOPBACK, port, path: '/json/list', agent: false, timeout }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => {
        try {
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('its inspector does not answer')));
    request.on('error', reject);
  });
}

/** What a WebSocket of ws has that is used here. */
interface Socket {
  on(event: string, listener: (data: unknown) => void): void;
  send(text: string): void;
  terminate(): void;
}

interface Message {
  id?: number;
  method?: string;
  params?: { callFrames?: CallFrame[]; scriptId?: string; url?: string };
  result?: { result?: { value?: unknown } };
}

interface CallFrame {
  callFrameId: string;
  functionName: string;
  location: { scriptId: string; lineNumber: number; columnNumber?: number };
}

function pause(url: string, expression: string, end: number): Promise<Look> {
  const WebSocket = load('ws') as new (url: string) => Socket;
  const socket = new WebSocket(url);
  return new Promise<Look>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('V8 gave no stack')), Math.max(1, end - performance.now()));
    let frames: Frame[] = [];
    const scripts = new Map<string, string>();
    const send = (id: number, method: string, params = {}) => socket.send(JSON.stringify({ id, method, params }));
    const done = (value: unknown) => {
      clearTimeout(timer);
      send(4, 'Debugger.resume');
      resolve({ frames, value });
    };
    socket.on('error', reject);
    socket.on('open', () => {
      send(1, 'Debugger.enable');
      send(2, 'Debugger.pause');
    });
    socket.on('message', (data) => {
      const { id, method, params, result } = JSON.parse(String(data)) as Message;
      if (id === 3) return done(result?.result?.value);
      if (method === 'Debugger.scriptParsed') scripts.set(params?.scriptId ?? '', params?.url ?? '');
      const [top] = params?.callFrames ?? [];
      if (method !== 'Debugger.paused' || !top) return;
      frames = (params?.callFrames ?? []).map((frame) => frameOf(frame, scripts));
      send(3, 'Debugger.evaluateOnCallFrame', {
        callFrameId: top.callFrameId,
        expression,
        returnByValue: true,
        silent: true,
      });
    });
  }).finally(() => socket.terminate());
}

function frameOf({ functionName, location }: CallFrame, scripts: ReadonlyMap<string, string>): Frame {
  const url = scripts.get(location.scriptId) ?? '';
  const file = url.startsWith('file://') ? decodeURIComponent(new URL(url).pathname) : url;
  return { function: functionName, file, line: location.lineNumber + 1, column: (location.columnNumber ?? 0) + 1 };
}
