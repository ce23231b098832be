// Waiting for what must happen, with a deadline that only a broken server meets.

import { setTimeout as sleep } from 'node:timers/promises';

/** Far beyond what a loaded machine needs. Milliseconds. */
export const DEADLINE = 60_000;

/**
 * What `check` returns as soon as it is truthy.
 *
 * @template T
 * @param {() => T | Promise<T>} check
 * @param {string | (() => string)} what the error's message when it never is
 * @returns {Promise<T>}
 */
export async function eventually(check, what = 'it never came true', deadline = DEADLINE) {
  const end = performance.now() + deadline;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (performance.now() > end) throw new Error(typeof what === 'string' ? what : what());
    await sleep(10);
  }
}

/**
 * The promise's result, or an error when it takes longer than a generous deadline.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string | (() => string)} what the error's message
 * @returns {Promise<T>}
 */
export async function within(promise, what, deadline = DEADLINE) {
  const late = new AbortController();
  const timeout = sleep(deadline, undefined, { signal: late.signal }).then(
    () => Promise.reject(new Error(typeof what === 'string' ? what : what())),
    () => {},
  );
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    late.abort();
  }
}
