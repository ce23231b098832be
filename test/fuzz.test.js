// Ten seconds of clients that do what they like, against a pool that is reloaded, recycled and resized meanwhile. FUZZ_SEED runs
// one seed again. The long one is test/soak/fuzz.test.js.

import test from 'node:test';
import { fuzzPlain, fuzzPool } from './helpers/fuzz-pool.js';

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

test('whatever clients do, what is executed is answered, and nothing is left behind', async (t) => {
  t.diagnostic(`FUZZ_SEED=${seed}`);
  await fuzzPool(t, seed, 10_000);
});

test('the same clients find nothing wrong with an undisturbed server of Node', async (t) => {
  t.diagnostic(`FUZZ_SEED=${seed}`);
  await fuzzPlain(t, seed, 2000);
});
