// Both processes. The functions of libc that posix/ calls, and koffi, by which they are called. Nothing is loaded until it
// is used, so that the package can be imported anywhere.

import type koffi from 'koffi';
import { load, loaded } from './require.js';

type Libc = ReturnType<typeof bind>;
let bound: Libc | undefined;

/** The functions, bound once per process, with the first call. */
export function libc(): Libc {
  bound ??= bind(load('koffi') as typeof koffi);
  return bound;
}

/** The binary that koffi has loaded. The application may use another koffi. */
export function koffiBinary(): string | undefined {
  const { default: native } = load('koffi') as { default: unknown };
  const owners = loaded().filter((module) => module.exports === native);
  return owners.find((module) => module.filename.endsWith('.node'))?.filename;
}

/** Before the first call: koffi's JavaScript would only look for this file, and that takes 5 % of a worker's boot. */
export function loadKoffiBinary(path: string): void {
  try {
    bound = bind(load(path) as typeof koffi);
  } catch {
    // the file was moved since the manager loaded it, so koffi has to search for it
  }
}

function bind({ address, load: loadLibrary, errno, view }: typeof koffi) {
  const lib = loadLibrary(null);
  return {
    address,
    errno,
    view,
    accept4: lib.func('int accept4(int, void *, void *, int)'),
    bind: lib.func('int bind(int, const void *, uint)'),
    dlsym: lib.func('void *dlsym(void *, const char *)'),
    fcntl: lib.func('int fcntl(int, int, ...)'),
    flock: lib.func('int flock(int, int)'),
    ftruncate: lib.func('int ftruncate(int, int64)'),
    getsockname: lib.func('int getsockname(int, _Out_ uint8 *, _Inout_ uint32 *)'),
    getsockopt: lib.func('int getsockopt(int, int, int, _Out_ uint32 *, _Inout_ uint32 *)'),
    getrlimit: lib.func('int getrlimit(int, _Out_ uint64 *)'),
    inet_ntop: lib.func('const char *inet_ntop(int, const uint8 *, _Out_ uint8 *, uint)'),
    inet_pton: lib.func('int inet_pton(int, const char *, _Out_ uint8 *)'),
    listen: lib.func('int listen(int, int)'),
    memfd_create: lib.func('int memfd_create(const char *, uint)'),
    mmap: lib.func('void *mmap(void *, size_t, int, int, int, int64)'),
    poll: lib.func('int poll(_Inout_ uint8 *, ulong, int)'),
    recvmsg: lib.func('long recvmsg(int, void *, int)'),
    sendmsg: lib.func('long sendmsg(int, const void *, int)'),
    sigaction: lib.func('int sigaction(int, const void *, void *)'),
    shutdown: lib.func('int shutdown(int, int)'),
    prctl: lib.func('int prctl(int, ulong)'),
    sendto: lib.func('long sendto(int, const void *, size_t, int, const void *, uint)'),
    setitimer: lib.func('int setitimer(int, const void *, void *)'),
    setsockopt: lib.func('int setsockopt(int, int, int, const void *, uint)'),
    waitid: lib.func('int waitid(int, int, _Out_ int *, int)'),
    waitpid: lib.func('int waitpid(int, void *, int)'),
    socket: lib.func('int socket(int, int, int)'),
    socketpair: lib.func('int socketpair(int, int, int, _Out_ int *)'),
  };
}
