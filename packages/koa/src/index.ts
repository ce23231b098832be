// A Koa app -> a listener -> core. Runs in every process; knows Koa by its shape only, so any version's types fit.

import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Listener,
  type Prefork,
  type PreforkOptions,
  prefork,
  type StatusSource,
  statusHandler,
} from '@prefork/core';

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

/** What a Koa middleware needs to know of its context. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  respond?: boolean;
}

/**
 * A middleware that answers with the status of the whole pool, as `statusHandler` of @prefork/core does: HTML, JSON, Prometheus text
 * or OpenMetrics. It answers every request that reaches it, and asks for no password.
 *
 * @example
 * const status = koaStatus(server);
 * app.use((ctx, next) => (ctx.path === '/status' ? status(ctx) : next()));
 */
export function koaStatus(server: StatusSource): (ctx: KoaContext) => void {
  const handle = statusHandler(server);
  return (ctx) => {
    // Koa's own way for an answer that is written without it
    ctx.respond = false;
    handle(ctx.req, ctx.res);
  };
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
