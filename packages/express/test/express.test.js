import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Prefork, preforkExpress } from '@prefork/express';
import express from 'express';
import express4 from 'express4';

for (const [name, make] of Object.entries({ 'Express 5': express, 'Express 4': express4 })) {
  describe(name, () => {
    it('makes a Prefork of an app and starts nothing', () => {
      assert.ok(preforkExpress(make()) instanceof Prefork);
    });

    it('hands the options on, which are checked at once', () => {
      assert.throws(() => preforkExpress(make(), { workers: -1 }), /`workers`/);
    });

    const mistakes = {
      'the module': [make, 'the express module: call it, `preforkExpress(express())`'],
      'a router': [make.Router(), 'an Express router: mount it with `app.use(router)` and pass the app'],
    };
    for (const [mistake, [value, expected]] of Object.entries(mistakes)) {
      it(`refuses ${mistake} and tells the fix`, () => refuses(value, expected));
    }
  });
}

describe('anything else', () => {
  const mistakes = {
    'a forgotten app': [undefined, '`undefined`: pass what `express()` returned'],
    'a Koa app': [{ callback() {}, use() {} }, 'a Koa app: use `preforkKoa` of @prefork/koa'],
    'a promise of an app': [Promise.resolve(express()), 'a promise: `await` it and pass the app'],
    'a server': [createServer(), 'a server: pass the app itself, in place of `app.listen(...)`'],
    'a listener': [() => {}, 'a function: pass an app, or serve a plain listener with `prefork` of @prefork/core'],
    options: [{ workers: 2 }, 'an object that is none: pass what `express()` returned'],
  };
  for (const [mistake, [value, expected]] of Object.entries(mistakes)) {
    it(`refuses ${mistake} and tells the fix`, () => refuses(value, expected));
  }
});

it('loads with require() too', () => {
  assert.equal(createRequire(import.meta.url)('@prefork/express').preforkExpress, preforkExpress);
});

function refuses(value, expected) {
  assert.throws(() => preforkExpress(value), {
    name: 'TypeError',
    message: `Expected \`app\` to be an Express app, got ${expected}`,
  });
}
