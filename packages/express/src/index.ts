// An Express app -> a listener -> core. Runs in every process; knows Express by its shape only, so any version's types fit.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Prefork, type PreforkOptions, type Prototypes, prefork, usePrototypes } from '@prefork/core';

export { Prefork, PreforkError, type PreforkOptions } from '@prefork/core';

/** What makes an Express app, in Express 5 and 4 alike. */
export interface ExpressApp {
  (req: IncomingMessage, res: ServerResponse): unknown;
  listen(...args: never[]): unknown;
  set(...args: never[]): unknown;
}

/**
 * Serves an Express app from a supervised pool of workers: `app.listen(...)` becomes `preforkExpress(app).listen(...)`.
 *
 * @param app - the app that `express()` returned
 * @param options - see {@link PreforkOptions}
 * @returns the server; nothing is bound or started before its `listen` is called
 * @throws TypeError when `app` is not an Express app, and TypeError or RangeError for a bad option
 *
 * @example
 * import { preforkExpress } from '@prefork/express';
 * import express from 'express';
 *
 * const app = express();
 * app.get('/', (_req, res) => res.send('Hello'));
 *
 * preforkExpress(app, { workers: 4 }).listen(8080);
 */
export function preforkExpress(app: ExpressApp, options?: PreforkOptions): Prefork {
  if (!isExpressApp(app)) throw new TypeError(`Expected \`app\` to be an Express app, got ${describe(app)}`);
  usePrototypes(prototypesOf);
  return prefork(app, options);
}

/** Express changes the prototype of each request and response to these two, in Express 5 and 4 alike. */
function prototypesOf(listener: unknown): Prototypes | undefined {
  return isExpressApp(listener) ? (listener as Prototypes) : undefined;
}

function isExpressApp(value: unknown): boolean {
  return typeof value === 'function' && has(value, 'listen') && has(value, 'set');
}

/** Names what was passed and, where the mistake is a known one, its fix. */
function describe(value: unknown): string {
  if (has(value, 'application') || has(value, 'Router'))
    return 'the express module: call it, `preforkExpress(express())`';
  if (has(value, 'handle')) return 'an Express router: mount it with `app.use(router)` and pass the app';
  if (has(value, 'callback')) return 'a Koa app: use `preforkKoa` of @prefork/koa';
  if (has(value, 'then')) return 'a promise: `await` it and pass the app';
  if (has(value, 'close')) return 'a server: pass the app itself, in place of `app.listen(...)`';
  if (typeof value === 'function')
    return 'a function: pass an app, or serve a plain listener with `prefork` of @prefork/core';
  if (typeof value === 'object' && value !== null) return 'an object that is none: pass what `express()` returned';
  return `\`${String(value)}\`: pass what \`express()\` returned`;
}

function has(value: unknown, name: string): boolean {
  return value !== null && value !== undefined && (value as Record<string, unknown>)[name] !== undefined;
}
