// A Koa app -> a listener -> core. Runs in every process; knows Koa by its shape only, so any version's types fit.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Listener, type Prefork, type PreforkOptions, prefork } from '@prefork/core';

export { Prefork, PreforkError, type PreforkOptions } from '@prefork/core';

/** What makes a Koa app, in Koa 3 and 2 alike. */
export interface KoaApp {
  callback(): (req: IncomingMessage, res: ServerResponse) => unknown;
  use(...args: never[]): unknown;
}

/**
 * Serves a Koa app from a supervised pool of workers: `app.listen(...)` becomes `preforkKoa(app).listen(...)`.
 *
 * @param app - the app that `new Koa()` made
 * @param options - see {@link PreforkOptions}
 * @returns the server; nothing is bound or started before its `listen` is called
 * @throws TypeError when `app` is not a Koa app, and TypeError or RangeError for a bad option
 *
 * @example
 * import { preforkKoa } from '@prefork/koa';
 * import Koa from 'koa';
 *
 * const app = new Koa();
 * app.use((ctx) => { ctx.body = 'Hello'; });
 *
 * preforkKoa(app, { workers: 4 }).listen(8080);
 */
export function preforkKoa(app: KoaApp, options?: PreforkOptions): Prefork {
  if (!isKoaApp(app)) throw new TypeError(`Expected \`app\` to be a Koa app, got ${describe(app)}`);
  return prefork(listenerOf(app), options);
}

/** `callback()` waits for the first request: it adds Koa's own error logger unless the app has an `error` handler by then. */
function listenerOf(app: KoaApp): Listener {
  let handle: ReturnType<KoaApp['callback']> | undefined;
  return (req, res) => {
    handle ??= app.callback();
    void handle(req, res);
  };
}

function isKoaApp(value: unknown): boolean {
  return typeof value === 'object' && has(value, 'callback') && has(value, 'use');
}

/** Names what was passed and, where the mistake is a known one, its fix. */
function describe(value: unknown): string {
  if (has(value, 'prototype') && has((value as { prototype: unknown }).prototype, 'callback')) {
    return 'the Koa class: make an app of it, `preforkKoa(new Koa())`';
  }
  if (has(value, 'routes')) return 'a router: mount it with `app.use(router.routes())` and pass the app';
  if (has(value, 'handle')) return 'an Express app or router: use `preforkExpress` of @prefork/express';
  if (has(value, 'then')) return 'a promise: `await` it and pass the app';
  if (has(value, 'close')) return 'a server: pass the app itself, in place of `app.listen(...)`';
  if (typeof value === 'function') return 'a function: pass the app itself, not `app.callback()`';
  if (typeof value === 'object' && value !== null) return 'an object that is none: pass what `new Koa()` made';
  return `\`${String(value)}\`: pass what \`new Koa()\` made`;
}

function has(value: unknown, name: string): boolean {
  return value !== null && value !== undefined && (value as Record<string, unknown>)[name] !== undefined;
}
