// Server. The app in Koa.

import Koa from 'koa';
import { routes } from './routes.js';

export const app = new Koa();

app.use((ctx) => {
  ctx.body = routes[ctx.path]?.() ?? '';
});

export const listener = app.callback();
