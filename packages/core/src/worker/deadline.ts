// Worker. The end of a drain: a worker exits by itself before its manager would kill it, and logs what it did not wait for.

/** How long before `gracefulTimeout` a worker aborts what is left, so that its `drain` listeners have time. Milliseconds. */
export function abortMargin(gracefulTimeout: number): number {
  return Math.min(1000, gracefulTimeout / 5);
}

/** It stops waiting for `drain` listeners so long before `gracefulTimeout`: the manager may have started its timer earlier. */
export function exitMargin(gracefulTimeout: number): number {
  return Math.min(250, gracefulTimeout / 20);
}
