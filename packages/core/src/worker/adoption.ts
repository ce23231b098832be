// Worker of the command. It chooses the socket of each server of the file: one of the command's locations, or one that the
// manager binds. It owns the channel to the manager, and starts the service with the first server.

import { closeSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { ask, type Refusal, tell, type Wanted } from '../channel.js';
import { readWorker } from '../descriptors.js';
import { type BoundLocation, type Identity, takeFacts } from '../handover.js';
import type { Location } from '../location.js';
import { parseListen } from '../locations.js';
import type { Listener, Settings } from '../options.js';
import { end, interceptListen, isHttp, type Listening } from './listen.js';
import { type Place, placesOf } from './places.js';
import { serve, type WorkerEvents, type WorkerHandle } from './worker.js';

/** The file, as the command knows it. */
export interface ServedFile {
  /** For messages. */
  name: string;
  /** Whether the command was told where to listen. */
  isListenGiven: boolean;
}

export class Adoption {
  /** Whether a server has called `listen`. */
  isCalled = false;
  /** Resolves when the first server listens. */
  readonly first: Promise<void>;
  #tellFirst = () => {};
  readonly #identity: Identity;
  readonly #settings: Settings;
  readonly #events: WorkerEvents;
  readonly #file: ServedFile;
  readonly #facts = takeFacts();
  readonly #channel = readWorker(this.#facts.locations.map(({ seats }) => seats)).channel;
  /** The given locations that no server has, with their descriptors. */
  readonly #given: Place[];
  /** Where servers of this process listen, by what they asked for. */
  readonly #open = new Map<string, AddressInfo | string>();
  #isExported = false;
  #worker: WorkerHandle | undefined;
  /** Why the file could not listen, if it tried. */
  refusal: string | undefined;

  constructor(identity: Identity, settings: Settings, file: ServedFile, events: WorkerEvents) {
    this.#identity = identity;
    this.#settings = settings;
    this.#events = events;
    this.#file = file;
    this.first = new Promise((resolve) => {
      this.#tellFirst = resolve;
    });
    this.#given = placesOf(this.#facts.locations);
  }

  /** From now on the file's servers listen here. */
  intercept(): void {
    interceptListen(
      (server, wanted) => this.#admit(server, wanted),
      () => {
        this.isCalled = true;
      },
    );
  }

  /** Serves what the file exports: at the given locations, or else where the options say. */
  serve(listener: Listener): void {
    const given = this.#given.splice(0);
    const places =
      given.length > 0
        ? given
        : parseListen([], this.#settings).locations.map((location) => this.#ask(wantedAt(location)));
    const refused = places.find((place) => 'message' in place);
    if (refused && 'message' in refused) end(refused.message);
    this.#isExported = true;
    this.#worker = serve(this.#identity, this.#settings, this.#events, {
      facts: this.#facts,
      listener,
      places: places.filter((place) => 'fds' in place),
    });
  }

  #admit(server: Server, asked: Wanted): Listening | Refusal | undefined {
    const wanted = { ...asked, ...this.#ordinal(asked) };
    const key = keyOf(wanted);
    const isOpen = this.#open.has(key) || [...this.#open.values()].some((address) => isAt(address, wanted));
    if (isOpen) return IN_USE;
    const given = this.#takeGiven(wanted);
    const places = given ?? [this.#ask(wanted)];
    const [first] = places;
    if (!first || 'message' in first) {
      if (wanted.fd !== undefined) return undefined; // then it is a descriptor of this process
      this.refusal = first?.message;
      return first;
    }
    const { address } = first.location;
    this.#open.set(key, address);
    const own = places.filter((place) => 'fds' in place);
    const close = this.#start().adopt(server, own, isHttp(server));
    const closed = () => {
      this.#open.delete(key);
      close(given === undefined);
      if (given) this.#given.push(...given);
      setImmediate(() => this.#closed(key, wanted));
    };
    return { address, closed };
  }

  /** The service; it exists from the first server on. */
  #start(): WorkerHandle {
    this.#tellFirst();
    this.#worker ??= serve(this.#identity, this.#settings, this.#events, { facts: this.#facts, places: [] });
    return this.#worker;
  }

  /** The given location at this address. If there is none, the first server gets all given locations. */
  #takeGiven(wanted: Wanted): Place[] | undefined {
    // The call names a descriptor. The manager knows its location.
    if (this.#given.length === 0 || wanted.fd !== undefined) return undefined;
    this.#expectOne();
    const i = this.#given.findIndex(({ location }) => isAt(location.address, wanted));
    const isFirst = this.#given.length === this.#facts.locations.length;
    if (i === -1) return isFirst ? this.#given.splice(0) : undefined;
    return this.#given.splice(i, 1);
  }

  /** Some flags are for a file that exports its app, and cannot work with a file that listens itself. */
  #expectOne(): void {
    const { name, isListenGiven } = this.#file;
    const { locations } = this.#facts;
    const urls = locations.map(({ url }) => url).join(', ');
    if (isListenGiven && locations.length > 1) {
      end(`${name} listens itself, and its first server takes one location: give --listen once, got ${urls}`);
    }
    if (locations.some(({ tls }) => tls)) {
      const fix = 'give --listen http://, and leave certificates to the file, or export the app';
      end(`${name} listens itself, and its own server knows no \`cert\` and \`key\`: ${fix}, got ${urls}`);
    }
  }

  /**
   * A server was closed in the last loop turn. When the last server is closed the worker leaves, and its replacement uses the
   * same socket, so the socket must stay open.
   */
  #closed(key: string, wanted: Wanted): void {
    if (this.#open.size > 0 || this.#isExported) {
      if (!this.#open.has(key)) this.#release(wanted);
      return;
    }
    if (this.#worker?.abandon()) return;
    end(`${this.#file.name} closes its server at once: let it listen until it is told to stop`);
  }

  #ask(wanted: Wanted): Place | Refusal {
    try {
      const { answer, descriptor } = ask(this.#channel, wanted);
      const { location, refusal } = answer as { location?: BoundLocation; refusal?: Refusal };
      if (refusal) return refusal;
      if (location && descriptor !== undefined) return { location, fds: [descriptor] };
      if (descriptor !== undefined) closeSync(descriptor);
      return { message: 'The manager sent no socket' };
    } catch (error) {
      return { message: (error as Error).message };
    }
  }

  /** No server of this worker listens there any more. */
  #release(wanted: Wanted): void {
    try {
      tell(this.#channel, { ...wanted, isReleased: true });
    } catch {
      // The manager has exited. This worker exits too.
    }
  }

  /** The kernel chooses a port for each server that asks for port 0. It is the same port in every worker. */
  #ordinal(wanted: Wanted): { nth?: number } {
    if (wanted.port !== 0 || wanted.fd !== undefined) return {};
    let nth = 0;
    while (this.#open.has(keyOf({ ...wanted, nth }))) nth += 1;
    return { nth };
  }
}

function wantedAt({ path, host, port, backlog, ipv6Only }: Location): Wanted {
  const where = path === undefined ? { port: port ?? 0, ...(host === undefined ? {} : { host }) } : { path };
  return { scheme: 'http', ...where, backlog, ipv6Only };
}

const IN_USE: Refusal = { message: 'listen EADDRINUSE', code: 'EADDRINUSE', errno: -98 };

function keyOf({ path, host, port, fd, nth }: Wanted): string {
  return JSON.stringify([path, host, port, fd, nth]);
}

function isAt(address: AddressInfo | string, { path, host, port }: Wanted): boolean {
  if (typeof address === 'string') return address === path;
  const isEvery = address.address === '::' || address.address === '0.0.0.0';
  return (
    path === undefined && address.port === port && (host === undefined || isEvery ? isEvery : address.address === host)
  );
}
