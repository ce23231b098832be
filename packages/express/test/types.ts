// Type-checked by `tsc -b`, never run: the types of Express 5 and 4 fit, what is not an app does not.

import { type Prefork, type PreforkOptions, preforkExpress } from '@prefork/express';
import express, { Router } from 'express';
import express4, { Router as Router4 } from 'express4';

const options: PreforkOptions = { workers: 2 };

export const servers: Prefork[] = [
  preforkExpress(express()),
  preforkExpress(express4(), options),
  // @ts-expect-error a router is not an app
  preforkExpress(Router()),
  // @ts-expect-error a router is not an app
  preforkExpress(Router4()),
  // @ts-expect-error the module is not an app
  preforkExpress(express),
  // @ts-expect-error the app is missing
  preforkExpress(),
];
