// The `prefork` command, in a worker and with `--check`. A module -> a listener, if it exports one. The shape of the export decides,
// so any version of Express and Koa fits, and core depends on neither.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Listener } from '../options.js';
import type { Prototypes } from '../prefork.js';
import { show, suggestion } from '../validation.js';
import { CommandError, FAILED, usageError } from './command-error.js';
import { COMMANDS } from './flags.js';

/**
 * The module's file, found as `node app` finds it; nothing is loaded.
 *
 * @throws CommandError with status 2
 */
export function findApp(path: string, folder: string): string {
  const absolute = resolve(folder, path);
  try {
    return createRequire(pathToFileURL(`${folder}/`)).resolve(absolute);
  } catch {
    // a mistyped command looks like a file that does not exist
    const hint = /[./]/.test(path) ? '' : suggestion(path, Object.keys(COMMANDS).slice(1));
    throw usageError(`Can't find the app ${absolute}${hint}`);
  }
}

/** The app among a module's exports. */
export async function findListener(module: unknown): Promise<Listener | undefined> {
  const exports = await Promise.all(candidates(module));
  return exports.map(listenerOf).find((listener) => listener !== undefined);
}

/** Says what is wrong with a module that neither exports an app nor listens. */
export async function mistakeOf(file: string, module: unknown, refusal?: string): Promise<CommandError> {
  if (refusal !== undefined) return new CommandError(FAILED, `${file} could not listen: ${refusal}`);
  const exports = await Promise.all(candidates(module));
  const mistake = exports.find((value) => value !== undefined && !isPlain(value));
  return new CommandError(FAILED, `${file} exports ${describe(mistake)}; or call \`listen\`, which it has not done`);
}

/** The default export, `module.exports`, what a compiler made of a default export, and the named export `app`. */
function candidates(module: unknown): unknown[] {
  const main = property(module, 'default');
  const compiled = property(main, '__esModule') === true ? property(main, 'default') : undefined;
  return [compiled, main, property(module, 'app'), isPlain(main) ? property(main, 'app') : undefined];
}

/** Express changes the prototype of each request and response to these two, in Express 5 and 4 alike. */
export function expressPrototypes(listener: Listener): Prototypes | undefined {
  if (!has(listener, 'listen') || !has(listener, 'set')) return undefined;
  return { request: property(listener, 'request'), response: property(listener, 'response') };
}

/** Express apps are listeners themselves. */
function listenerOf(value: unknown): Listener | undefined {
  if (isKoaApp(value)) return koaListener(value);
  if (typeof value !== 'function' || isModuleOrRouter(value) || isClass(value)) return undefined;
  return value as Listener;
}

interface KoaApp {
  callback(): Listener;
}

function isKoaApp(value: unknown): value is KoaApp {
  return typeof value === 'object' && has(value, 'callback') && has(value, 'use');
}

/** `callback()` waits for the first request: it adds Koa's own error logger unless the app has an `error` handler by then. */
function koaListener(app: KoaApp): Listener {
  let handle: Listener | undefined;
  return (request, response) => {
    handle ??= app.callback();
    return handle(request, response);
  };
}

/** The express module, and a router without an app, look like listeners. */
function isModuleOrRouter(value: unknown): boolean {
  return has(value, 'Router') || (has(value, 'handle') && !has(value, 'listen'));
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

const FIX = '`export default app`, or `module.exports = app`';

/** Names what was exported and, for a known mistake, its fix. */
function describe(value: unknown): string {
  if (value === undefined) return `no app: add ${FIX}`;
  if (has(value, 'Router') && typeof value === 'function')
    return 'the express module: call it, `const app = express()`';
  if (has(property(value, 'prototype'), 'callback')) return 'the Koa class: make an app of it, `const app = new Koa()`';
  if (has(value, 'isManager')) return `a server of Prefork: the command makes its own; ${FIX}`;
  if (has(value, 'routes')) return 'a Koa router: mount it with `app.use(router.routes())` and export the app';
  if (has(value, 'handle')) return 'an Express router: mount it with `app.use(router)` and export the app';
  if (has(value, 'close')) return `a server: the command makes its own; ${FIX}, in place of \`app.listen(...)\``;
  if (has(value, 'fetch')) {
    return 'an object with `fetch`, made for other runtimes: export `getRequestListener(app.fetch)` of @hono/node-server';
  }
  if (isClass(value)) return 'a class: make an app of it, and export that';
  return `${show(value)}, which is no Express app, no Koa app and no (req, res) function: ${FIX}`;
}

/** Something like `module.exports = { app }`, or a module without exports. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !has(value, 'fetch');
}

function has(value: unknown, name: string): boolean {
  return property(value, name) !== undefined;
}

function property(value: unknown, name: string): unknown {
  return value === null || value === undefined ? undefined : (value as Record<string, unknown>)[name];
}
