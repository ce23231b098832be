// Worker. The end of a drain: a worker leaves by itself before its manager would kill it, and says what it did not wait for.

/** How long before `gracefulTimeout` a worker aborts what is left, so that its `drain` listeners have time. Milliseconds. */
export function abortMargin(gracefulTimeout: number): number {
  return Math.min(1000, gracefulTimeout / 5);
}

/** How long before `gracefulTimeout` it waits no longer for its `drain` listeners: the manager may have begun to count earlier. */
export function exitMargin(gracefulTimeout: number): number {
  return Math.min(250, gracefulTimeout / 20);
}
