// Type-checked by `tsc -b`, never run: the types of Koa 3 and 2 fit, what is not an app does not.

import { type Prefork, type PreforkOptions, preforkKoa } from '@prefork/koa';
import Koa from 'koa';
import Koa2 from 'koa2';

const options: PreforkOptions = { workers: 2 };

export const servers: Prefork[] = [
  preforkKoa(new Koa()),
  preforkKoa(new Koa2(), options),
  // @ts-expect-error the class is not an app
  preforkKoa(Koa),
  // @ts-expect-error a listener is not an app
  preforkKoa(new Koa().callback()),
  // @ts-expect-error the app is missing
  preforkKoa(),
];
