// Manager and command. What the manager tells about the server as a whole, in the header of the scoreboard, so that the
// `prefork` command sees what became of its signals. The manager writes and never reads; workers do neither.

/** How far a server is. `handedOver`: an upgrade has succeeded, the next manager serves. `alone`: it has no workers. */
export const Phase = { starting: 0, serving: 1, stopping: 2, handedOver: 3, alone: 4 } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

const NAMES = [
  'phase',
  /** How many workers there are meant to be. */
  'workers',
  /** Reloads begun, and which of them was the last to succeed, and to fail; and the worker that did not come up. */
  'reloads',
  'reloaded',
  'reloadFailed',
  'reloadCulprit',
  /** Upgrades begun, and how many of them failed. */
  'upgrades',
  'upgradesFailed',
  /** How long a graceful stop may take from the signal on. Milliseconds. */
  'stopTakes',
] as const;

/** What the manager tells. */
export type News = Record<(typeof NAMES)[number], number>;

/** Nothing has happened yet. */
export const NO_NEWS = Object.fromEntries(NAMES.map((name) => [name, 0])) as News;

/** How many words of the header it takes. */
export const BULLETIN_WORDS = NAMES.length;

export class Bulletin {
  readonly #words: Uint32Array;

  constructor(words: Uint32Array) {
    this.#words = words;
  }

  write(news: News): void {
    for (const [i, name] of NAMES.entries()) this.#words[i] = news[name];
  }

  read(): News {
    return Object.fromEntries(NAMES.map((name, i) => [name, this.#words[i] ?? 0])) as News;
  }
}
