// Both processes. The callbacks of `close`, called as Node does. The process may exit only when all of them have ended.

/** As `http.Server#close` takes it; a promise that it returns is awaited. */
export type CloseCallback = (error?: Error) => unknown;

export class CloseCallbacks {
  readonly #pending: Promise<unknown>[] = [];
  #isClosing = false;

  /** @param closed resolves when the server has finished; `undefined` when there is none. */
  add(closed: Promise<void> | undefined, callback: CloseCallback | undefined): void {
    const error = closed === undefined || this.#isClosing ? notRunning() : undefined;
    this.#isClosing = closed !== undefined;
    const said = (closed ?? Promise.resolve()).then(() => (error ? callback?.(error) : callback?.()));
    this.#pending.push(said.catch(throwLater));
  }

  /** Resolves when every callback has returned, and what it promised has settled. */
  async over(): Promise<void> {
    // code that awaits the end of the server may add its callback then
    await new Promise(setImmediate);
    await Promise.all(this.#pending);
  }
}

/** Node's error for a server that is closed while it does not listen, or is closed again. */
function notRunning(): Error {
  return Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
}

/** An error of a callback becomes an uncaught exception. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
