// Type-checked by `tsc -b`, never run: the types of Koa 3 and 2 fit, also over http2, what is not an app does not.

import http from 'node:http';
import http2 from 'node:http2';
import { type Prefork, type PreforkOptions, preforkKoa } from '@prefork/koa';
import Koa from 'koa';
import Koa2 from 'koa2';

const options: PreforkOptions = { workers: 2 };

export const servers: Prefork[] = [
  preforkKoa(new Koa()),
  preforkKoa(new Koa2(), options),
  preforkKoa(new Koa(), { createServer: (listener) => http2.createServer(listener) }),
  preforkKoa(new Koa(), {
    createServer: (listener, { secure }) =>
      secure ? http2.createSecureServer({ ...secure, allowHTTP1: true }, listener) : http.createServer(listener),
  }),
  // @ts-expect-error the class is not an app
  preforkKoa(Koa),
  // @ts-expect-error a listener is not an app
  preforkKoa(new Koa().callback()),
  // @ts-expect-error the app is missing
  preforkKoa(),
];
