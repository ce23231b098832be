// Worker. An Express app changes the prototype of each request and response, and V8 then loses what it has learnt of their shape:
// on Node 20 that takes longer than all the rest of a small request. Here they are made with the prototypes that
// the app would give them, so it finds nothing to change. bench/README.md has the figures.

import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Listener } from '../options.js';

type Class = typeof IncomingMessage | typeof ServerResponse;

/** What a server's requests and responses are made by: options of `http.createServer`. */
export interface Classes {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
}

/** The prototypes that a listener has as `request` and `response`. Apps of Express 4 and 5 have them. */
export function classesOf(listener: Listener): Classes | undefined {
  const { request, response } = listener as { request?: unknown; response?: unknown };
  if (!isPrototype(IncomingMessage, request) || !isPrototype(ServerResponse, response)) return undefined;
  return {
    IncomingMessage: subclassOf(IncomingMessage, request),
    ServerResponse: subclassOf(ServerResponse, response),
  };
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
 * Only the app sees its prototypes. Other listeners of the server (for an upgrade, for Socket.IO's requests) get the objects that
 * Node makes: all their properties can be assigned, while `query` and `ip` of Express can't.
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
