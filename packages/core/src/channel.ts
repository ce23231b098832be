// Both processes. The channel by which a worker of the command asks its manager for listening sockets: a pair of UNIX
// sockets, one text of JSON a line, and with an answer perhaps a descriptor. The worker waits for its answer; the manager
// never waits.

import { type Message, receiveMessage, sendMessage } from './posix/messages.js';

/** Where a server of the file listens, as `net.Server` makes it out of what `listen` was given. */
export interface Wanted {
  /** How the location is called: http, https, tcp, tls. */
  scheme: string;
  /** A path of a UNIX socket, absolute or abstract; else a port. */
  path?: string;
  /** Permissions beyond those of the umask, for all: bits of {@link Access}. */
  access?: number;
  port?: number;
  /** An address; nothing is every one. */
  host?: string;
  /** A descriptor that the manager has inherited. */
  fd?: number;
  /** Which one of the sockets for which the kernel chooses a port: the first, the second ... that this worker wants. */
  nth?: number;
  backlog: number;
  ipv6Only: boolean;
  /** It was wanted, and is not any more. */
  isReleased?: boolean;
}

/** `readableAll` and `writableAll` of `listen`, as permissions. */
export const Access = { readable: 0o444, writable: 0o222 } as const;

/** What the manager could not do, as a system error has it. */
export interface Refusal {
  message: string;
  code?: string;
  errno?: number;
}

/** More than any honest message has. Bytes. */
const LONGEST = 64 * 1024;

/** In ASCII, which may be cut anywhere. */
function lineOf(value: object): string {
  const text = JSON.stringify(value);
  return `${text.replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

/** Sends a question and waits for its answer. @throws when the other end has gone. */
export function ask(fd: number, question: object): { answer: unknown; descriptor: number | undefined } {
  sendMessage(fd, lineOf(question));
  let text = '';
  let descriptor: number | undefined;
  while (!text.endsWith('\n')) {
    const message: Message = receiveMessage(fd);
    if (message.text === '') throw new Error('The manager has gone');
    text += message.text;
    descriptor ??= message.descriptor;
  }
  return { answer: JSON.parse(text), descriptor };
}

/** Sends what needs no answer. */
export function tell(fd: number, fact: object): void {
  sendMessage(fd, lineOf(fact));
}

/** Sends an answer; one that does not fit into the socket's buffer is lost, with a worker that does not read. */
export function answer(fd: number, value: object, descriptor?: number): void {
  sendMessage(fd, lineOf(value), descriptor);
}

/** Makes lines of what arrives. @returns what takes the next piece, and throws when a line gets too long. */
export function readLines(line: (text: string) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    const lines = `${rest}${piece}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST) throw new RangeError(`A message is longer than ${LONGEST} bytes`);
    for (const text of lines) line(text);
  };
}
