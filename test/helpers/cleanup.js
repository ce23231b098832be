// What a test leaves is taken away in reverse order: node:test runs `after` hooks in the order they were added, and a
// folder cannot go before the server that writes to it.

/** @type {WeakMap<import('node:test').TestContext, (() => unknown)[]>} */
const stacks = new WeakMap();

/**
 * Runs `cleanup` after the test, before all that was added earlier; also when the test fails.
 *
 * @param {import('node:test').TestContext} t
 * @param {() => unknown} cleanup
 */
export function cleanAfter(t, cleanup) {
  const stack = stacks.get(t) ?? [];
  stack.push(cleanup);
  if (stacks.has(t)) return;
  stacks.set(t, stack);
  t.after(async () => {
    while (stack.length > 0) await stack.pop()();
  });
}
