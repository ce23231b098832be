// Both processes. What Node has no function for, by libc, in six files. Linux.

export * from './posix/locks.js';
export * from './posix/memory.js';
export * from './posix/messages.js';
export * from './posix/process.js';
export * from './posix/queue.js';
export * from './posix/sockets.js';
