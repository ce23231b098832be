// Both processes. The callbacks of `close`, as Node calls them, and what has to be over before the process may exit.

/** As `http.Server#close` takes it; a promise that it returns is awaited. */
export type CloseCallback = (error?: Error) => unknown;

export class Farewells {
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
    // who awaits the end of the server may say farewell then
    await new Promise(setImmediate);
    await Promise.all(this.#pending);
  }
}

/** What Node says to whoever closes a server that does not listen, or closes it again. */
function notRunning(): Error {
  return Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
}

/** An error of a callback is one that nobody has caught. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
