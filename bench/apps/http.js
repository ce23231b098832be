// Server. The app without a framework.

import { routes } from './routes.js';

export function app(req, res) {
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.end(routes[req.url]?.() ?? '');
}

export const listener = app;
