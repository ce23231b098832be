// Two minutes of clients that do what they like. FUZZ_SEED runs one seed again.

import test from 'node:test';
import { fuzzPool } from '../helpers/fuzz-pool.js';

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

test('whatever clients do for two minutes, what is executed is answered, and nothing is left', async (t) => {
  t.diagnostic(`FUZZ_SEED=${seed}`);
  await fuzzPool(t, seed, 120_000);
});
