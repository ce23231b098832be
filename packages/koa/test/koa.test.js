import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Prefork, preforkKoa } from '@prefork/koa';
import Koa from 'koa';
import Koa2 from 'koa2';

for (const [name, App] of Object.entries({ 'Koa 3': Koa, 'Koa 2': Koa2 })) {
  describe(name, () => {
    it('makes a Prefork of an app and starts nothing', () => {
      assert.ok(preforkKoa(new App()) instanceof Prefork);
    });

    it('hands the options on, which are checked at once', () => {
      assert.throws(() => preforkKoa(new App(), { workers: -1 }), /`workers`/);
    });

    it('leaves the app without an error logger, a handler may still come', () => {
      const app = new App();
      preforkKoa(app);
      assert.equal(app.listenerCount('error'), 0);
    });

    const mistakes = {
      'the class': [App, 'the Koa class: make an app of it, `preforkKoa(new Koa())`'],
      'a callback': [new App().callback(), 'a function: pass the app itself, not `app.callback()`'],
    };
    for (const [mistake, [value, expected]] of Object.entries(mistakes)) {
      it(`refuses ${mistake} and tells the fix`, () => refuses(value, expected));
    }
  });
}

describe('anything else', () => {
  const mistakes = {
    'a forgotten app': [undefined, '`undefined`: pass what `new Koa()` made'],
    'an Express app': [
      Object.assign(() => {}, { handle() {} }),
      'an Express app or router: use `preforkExpress` of @prefork/express',
    ],
    'a router': [{ routes() {}, use() {} }, 'a router: mount it with `app.use(router.routes())` and pass the app'],
    'a promise of an app': [Promise.resolve(new Koa()), 'a promise: `await` it and pass the app'],
    'a server': [createServer(), 'a server: pass the app itself, in place of `app.listen(...)`'],
    options: [{ workers: 2 }, 'an object that is none: pass what `new Koa()` made'],
  };
  for (const [mistake, [value, expected]] of Object.entries(mistakes)) {
    it(`refuses ${mistake} and tells the fix`, () => refuses(value, expected));
  }
});

it('loads with require() too', () => {
  assert.equal(createRequire(import.meta.url)('@prefork/koa').preforkKoa, preforkKoa);
});

function refuses(value, expected) {
  assert.throws(() => preforkKoa(value), {
    name: 'TypeError',
    message: `Expected \`app\` to be a Koa app, got ${expected}`,
  });
}
