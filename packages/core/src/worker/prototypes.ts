// Worker. A framework may change the prototype of each request and response, and V8 then loses what it has learnt of their shape:
// on Node 20 that takes longer than all the rest of a small request. Here they are made with these prototypes from the start, so the
// framework finds nothing to change. It knows no framework: an adapter says which prototypes they are.

import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Listener } from '../options.js';

type Class = typeof IncomingMessage | typeof ServerResponse;

/** The classes of a server's requests and responses: options of `http.createServer`. */
export interface Classes {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
}

/** The prototypes that a framework gives each request and response. */
export interface Prototypes {
  request: unknown;
  response: unknown;
}

/** The prototypes that the framework of a listener gives; `undefined` for a listener of another kind. */
export type PrototypesOf = (listener: Listener) => Prototypes | undefined;

const hooks = new Set<PrototypesOf>();

/**
 * For adapters of frameworks: from now on requests and responses for a listener that the hook knows have its prototypes from the start.
 * Prototypes that do not descend from those of `node:http` are ignored.
 *
 * @example
 * usePrototypes((listener) => (isExpress(listener) ? { request: listener.request, response: listener.response } : undefined));
 */
export function usePrototypes(hook: PrototypesOf): void {
  hooks.add(hook);
}

/** The classes for a listener; nothing when no hook knows it. */
export function classesOf(listener: Listener): Classes | undefined {
  for (const hook of hooks) {
    const { request, response } = hook(listener) ?? {};
    if (!isPrototype(IncomingMessage, request) || !isPrototype(ServerResponse, response)) continue;
    return {
      IncomingMessage: subclassOf(IncomingMessage, request),
      ServerResponse: subclassOf(ServerResponse, response),
    };
  }
  return undefined;
}

function isPrototype(base: Class, value: unknown): value is object {
  return Object.prototype.isPrototypeOf.call(base.prototype, value as object);
}

/** The classes that a server has got when it was made, under private symbols of Node. */
type Made = Record<symbol, unknown>;

/** For a server that the application has made itself: found by its one listener. Called before it serves. */
export function adoptPrototypes(server: Server): void {
  const [listener, ...others] = server.listeners('request') as Listener[];
  const classes = listener && others.length === 0 ? classesOf(listener) : undefined;
  if (!listener || !classes) return;
  const made = server as unknown as Made;
  const find = (Class: unknown) => Object.getOwnPropertySymbols(made).find((symbol) => made[symbol] === Class);
  const request = find(IncomingMessage);
  const response = find(ServerResponse);
  // the server has its own classes, or this version of Node keeps them elsewhere
  if (!request || !response) return;
  made[request] = classes.IncomingMessage;
  made[response] = classes.ServerResponse;
  keepFromOthers(server, listener, classes);
}

/** Not a `class`: the prototype of one can't be chosen. */
function subclassOf<T extends Class>(base: T, prototype: object): T {
  function Subclass(this: object, ...args: unknown[]): void {
    Reflect.apply(base, this, args);
  }
  Subclass.prototype = prototype;
  // V8 reserves room for the fields that all constructors of this chain assign. Without it these objects are slower than the original.
  return Object.setPrototypeOf(Subclass, base) as T;
}

/**
 * Only the listener sees these prototypes. Other listeners of the server (for an upgrade, for Socket.IO's requests) get the objects
 * that Node makes: all their properties can be assigned, while a framework may have some that can't.
 */
export function keepFromOthers(server: Server, listener: Listener, classes: Classes): void {
  const emit = server.emit as (event: string, ...args: unknown[]) => boolean;
  const isForApp = (event: string) =>
    event === 'request' && server.listenerCount(event) === 1 && server.listenerCount(event, listener) === 1;
  server.emit = (event: string, ...args: unknown[]) => {
    if (!isForApp(event)) for (const arg of args) disown(arg, classes);
    return emit.call(server, event, ...args);
  };
}

function disown(value: unknown, classes: Classes): void {
  if (value instanceof classes.IncomingMessage) Object.setPrototypeOf(value, IncomingMessage.prototype);
  if (value instanceof classes.ServerResponse) Object.setPrototypeOf(value, ServerResponse.prototype);
}
