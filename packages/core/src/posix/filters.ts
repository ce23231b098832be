// Both processes. Classic BPF programs, bpf(4), on the listening sockets: which handshakes begin, and which socket a client gets.

import { libc } from '../libc.js';
import { check } from './error.js';

const SOL_SOCKET = 1;

/** A classic BPF program, bpf(4), on what comes to a TCP socket: drops each SYN that begins a handshake, and nothing else. */
const DROP_SYN = filterProgram([
  [0x30, 0, 0, 13], // the flags of the TCP header
  [0x54, 0, 0, 0x12], // SYN and ACK
  [0x15, 0, 1, 0x02], // SYN alone:
  [0x06, 0, 0, 0], // drop it
  [0x06, 0, 0, 0xffff_ffff], // pass it
]);

/** Each a `struct sock_filter`: what to do, how far to jump if it is so, and if not, and the operand. */
function filterProgram(steps: readonly (readonly [number, number, number, number])[]): Buffer {
  const memory = Buffer.alloc(8 * steps.length);
  for (const [i, [code, yes, no, operand]] of steps.entries()) {
    memory.set(new Uint8Array(Uint16Array.of(code).buffer), 8 * i);
    memory.set([yes, no], 8 * i + 2);
    memory.set(new Uint8Array(Uint32Array.of(operand).buffer), 8 * i + 4);
  }
  return memory;
}

/**
 * Whether a listening TCP socket lets handshakes begin; holds for every process that has it. A client whose SYN was dropped
 * sends it again after a second, and is refused if the socket is closed by then.
 */
export function setWelcome(fd: number, isWelcome: boolean): void {
  const SO_ATTACH_FILTER = 26;
  const SO_DETACH_FILTER = 27;
  if (isWelcome)
    return void check(libc().setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, new Int32Array(1), 4), 'setsockopt');
  attach(fd, SO_ATTACH_FILTER, DROP_SYN);
}

/** Gives a `struct sock_fprog` to the kernel. */
function attach(fd: number, option: number, steps: Buffer): void {
  const program = new BigUint64Array([0n, BigInt(libc().address(steps))]);
  new Uint16Array(program.buffer)[0] = steps.length / 8;
  check(libc().setsockopt(fd, SOL_SOCKET, option, program, program.byteLength), 'setsockopt');
}

/** Where the network header begins for a program, whatever it is run on: `SKF_NET_OFF`. */
const NETWORK = 0xfff0_0000;
/** 2^32 by the golden ratio: neighbouring addresses come out far from each other. */
const GOLDEN = 0x9e37_79b1;

/** Chooses one of `count` sockets by the source address of an IPv4 or IPv6 packet, and by nothing else. */
function bySource(count: number): Buffer {
  const fold = [
    [0x24, 0, 0, GOLDEN], // A *= GOLDEN
    [0x07, 0, 0, 0], // X = A
  ] as const;
  const word = (offset: number) => [0x20, 0, 0, NETWORK + offset] as const;
  const mix = [0xac, 0, 0, 0] as const; // A ^= X
  const last = [
    [0x24, 0, 0, GOLDEN],
    [0x74, 0, 0, 16], // the upper half depends on all of the address
    [0x24, 0, 0, count], // scaled to the number of sockets
    [0x74, 0, 0, 16],
    [0x16, 0, 0, 0],
  ] as const;
  return filterProgram([
    [0x30, 0, 0, NETWORK], // the version, in the upper half of the first byte
    [0x74, 0, 0, 4],
    [0x15, 2, 0, 6],
    word(12), // IPv4
    [0x05, 0, 0, 13],
    ...[word(8), ...fold], // IPv6: all four words
    ...[word(12), mix, ...fold],
    ...[word(16), mix, ...fold],
    ...[word(20), mix],
    ...last,
  ]);
}

/**
 * Lets the kernel choose by the client's address alone among the `count` sockets of a `SO_REUSEPORT` group, which `fd` is one of,
 * in the order in which they began to listen; or, where `isSticky` is false, by address and port, as it does by itself.
 */
export function setSticky(fd: number, count: number, isSticky: boolean): void {
  const SO_ATTACH_REUSEPORT_CBPF = 51;
  const SO_DETACH_REUSEPORT_BPF = 68;
  if (isSticky) return attach(fd, SO_ATTACH_REUSEPORT_CBPF, bySource(count));
  // ENOENT: there is none
  libc().setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, new Int32Array(1), 4);
}
