// Both processes. Listeners that an application mounts: the status of the pool, and whether it takes traffic. They ask no process
// and change nothing.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Status } from './pool-status.js';
import { writeMetrics } from './prometheus.js';
import { writePage } from './status-page.js';
import { show } from './validation.js';
import { versions } from './versions.js';

/** What both handlers read; a `Prefork` is one. */
export interface StatusSource {
  status(): Status | undefined;
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** By the word that a path or `?format=` says; the first one is what a client gets that takes anything. */
const FORMATS = {
  json: { type: 'application/json', parameters: '' },
  html: { type: 'text/html', parameters: '' },
  prometheus: { type: 'text/plain', parameters: '; version=0.0.4' },
  openmetrics: { type: 'application/openmetrics-text', parameters: '; version=1.0.0' },
} as const;
type Format = keyof typeof FORMATS;

/** Ends of a path that name a format. */
const EXTENSIONS = new Map<string, Format>([
  ['json', 'json'],
  ['html', 'html'],
  ['prom', 'prometheus'],
  ['txt', 'prometheus'],
  ['openmetrics', 'openmetrics'],
]);

/**
 * A listener that answers with the status of the whole pool, from whichever worker it is asked: a page for people (HTML), what
 * `server.status()` returns (JSON), Prometheus text or OpenMetrics. The format is that of `Accept`, unless `?format=html`, `json`,
 * `prometheus` or `openmetrics` or the end of the path (`.html`, `.json`, `.prom`) says it. It asks for no password: mount it
 * where only you reach it.
 *
 * Answers 405 to all but GET and HEAD, 406 when it has nothing that the client accepts, and 503 before the server runs.
 *
 * @example
 * const server = preforkExpress(app);
 * app.use('/status', statusHandler(server));
 * server.listen(8080);
 */
export function statusHandler(server: StatusSource): Handler {
  checkSource(server);
  return (req, res) => {
    if (!isRead(req, res)) return;
    res.setHeader('Vary', 'Accept');
    const format = formatOf(req);
    if (!format)
      return answer(
        req,
        res,
        406,
        'text/plain',
        'Expected to be asked for HTML, JSON, Prometheus text or OpenMetrics\n',
      );
    const status = server.status();
    if (!status) return answer(req, res, 503, 'text/plain', 'The server does not run yet\n');
    const { type, parameters } = FORMATS[format];
    answer(req, res, 200, type + parameters, write(format, status, res));
  };
}

/**
 * A listener that answers 200 while this pool takes traffic, and 503 from the moment a stop or `shutdownDelay` has begun, so
 * that a balancer moves away first. A reload and a hot upgrade change nothing for it.
 *
 * @example
 * app.use('/ready', readyHandler(server));
 */
export function readyHandler(server: StatusSource): Handler {
  checkSource(server);
  return (req, res) => {
    if (!isRead(req, res)) return;
    // a request that arrives shows that the pool serves, also before the manager knows it
    const phase = server.status()?.phase;
    const isReady = phase !== undefined && phase !== 'stopping';
    answer(req, res, isReady ? 200 : 503, 'text/plain', isReady ? 'ready\n' : 'stopping\n');
  };
}

/** @throws TypeError for what has no status. */
function checkSource(server: unknown): void {
  if (typeof (server as Partial<StatusSource> | null | undefined)?.status === 'function') return;
  throw new TypeError(`Expected a server of Prefork, such as preforkExpress(app), got ${show(server)}`);
}

function isRead(req: IncomingMessage, res: ServerResponse): boolean {
  if (req.method === 'GET' || req.method === 'HEAD') return true;
  res.setHeader('Allow', 'GET, HEAD');
  answer(req, res, 405, 'text/plain', 'Expected GET or HEAD\n');
  return false;
}

/** Express takes the path at which a listener is mounted out of `url`. */
function formatOf(req: IncomingMessage & { originalUrl?: string }): Format | undefined {
  const [path = '', query = ''] = (req.originalUrl ?? req.url ?? '').split('?', 2);
  const asked = new URLSearchParams(query).get('format');
  if (asked !== null) return Object.hasOwn(FORMATS, asked) ? (asked as Format) : undefined;
  const extension = /\.(\w+)$/.exec(path)?.[1] ?? '';
  return EXTENSIONS.get(extension) ?? accepted(req.headers.accept || '*/*');
}

/** The format that the client likes best, the first of several. */
function accepted(accept: string): Format | undefined {
  const ranges = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    return { name, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
  });
  /** The most exact range decides. */
  const qualityOf = (type: string) => {
    const names = [type, type.replace(/\/.*/, '/*'), '*/*'];
    const exact = names.find((name) => ranges.some((range) => range.name === name));
    return Math.max(0, ...ranges.filter(({ name }) => name === exact).map(({ quality }) => quality));
  };
  const formats = (Object.keys(FORMATS) as Format[]).map((format) => ({
    format,
    quality: qualityOf(FORMATS[format].type),
  }));
  const best = formats.reduce((a, b) => (b.quality > a.quality ? b : a));
  return best.quality > 0 ? best.format : undefined;
}

function write(format: Format, status: Status, res: ServerResponse): string {
  if (format === 'json') return JSON.stringify(status);
  if (format !== 'html') return writeMetrics(status, versions(), format === 'openmetrics');
  const { html, policy } = writePage(status, versions());
  res.setHeader('Content-Security-Policy', policy);
  res.setHeader('Referrer-Policy', 'no-referrer');
  return html;
}

function answer(req: IncomingMessage, res: ServerResponse, code: number, type: string, body: string): void {
  res.statusCode = code;
  res.setHeader('Content-Type', `${type}; charset=utf-8`);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.end(req.method === 'HEAD' ? undefined : body);
}
