// Both processes. Texts with a descriptor over a UNIX stream socket, sendmsg(2) and recvmsg(2).

import { getSystemErrorMap } from 'node:util';
import { libc } from '../libc.js';
import { check } from './error.js';
import { setNonBlocking } from './sockets.js';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** Two stream sockets that are connected; the first one never waits. */
export function socketPair(): [own: number, other: number] {
  const pair = new Int32Array(2);
  check(libc().socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair), 'socketpair');
  const [own = -1, other = -1] = pair;
  setNonBlocking(own);
  return [own, other];
}

/** A text, and the descriptor that came with it. */
export interface Message {
  text: string;
  descriptor?: number;
}

// struct msghdr, struct iovec, struct cmsghdr with one descriptor, and the bytes, in one piece of memory that does not move
const IOVEC = 64;
const CONTROL = 96;
const CONTROL_BYTES = 24;
const BYTES = 128;
const PIECE = 8192;
const SCM_RIGHTS = 1;

function messageHeader(length: number, hasControl: boolean): Buffer {
  const memory = Buffer.alloc(BYTES + PIECE);
  const words = new BigUint64Array(memory.buffer, memory.byteOffset, CONTROL / 8);
  const address = BigInt(libc().address(memory));
  words.set([0n, 0n, address + BigInt(IOVEC), 1n]);
  if (hasControl) words.set([address + BigInt(CONTROL), BigInt(CONTROL_BYTES)], 4);
  words.set([address + BigInt(BYTES), BigInt(length)], IOVEC / 8);
  return memory;
}

/** Sends a text over a UNIX stream socket, and with its first byte a descriptor. unix(7), SCM_RIGHTS */
export function sendMessage(fd: number, text: string, descriptor?: number): void {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length; ) {
    const isFirst = sent === 0 && descriptor !== undefined;
    const piece = bytes.subarray(sent, sent + PIECE);
    const memory = messageHeader(piece.length, isFirst);
    memory.set(piece, BYTES);
    if (isFirst) {
      new BigUint64Array(memory.buffer, memory.byteOffset + CONTROL, 1)[0] = 20n;
      new Int32Array(memory.buffer, memory.byteOffset + CONTROL + 8, 3).set([SOL_SOCKET, SCM_RIGHTS, descriptor]);
    }
    sent += check(Number(libc().sendmsg(fd, memory, MSG_NOSIGNAL)), 'sendmsg');
  }
}

/** Waits for the next piece of text; an empty one is the end. The descriptor is close-on-exec. */
export function receiveMessage(fd: number): Message {
  const memory = messageHeader(PIECE, true);
  let length = -1;
  do length = Number(libc().recvmsg(fd, memory, MSG_CMSG_CLOEXEC));
  while (length === -1 && getSystemErrorMap().get(-libc().errno())?.[0] === 'EINTR');
  check(length, 'recvmsg');
  const text = memory.toString('utf8', BYTES, BYTES + length);
  const [controlLength] = new BigUint64Array(memory.buffer, memory.byteOffset + 40, 1);
  if (controlLength !== BigInt(CONTROL_BYTES) && controlLength !== 20n) return { text };
  const [level, type, descriptor] = new Int32Array(memory.buffer, memory.byteOffset + CONTROL + 8, 3);
  return level === SOL_SOCKET && type === SCM_RIGHTS && descriptor !== undefined ? { text, descriptor } : { text };
}
