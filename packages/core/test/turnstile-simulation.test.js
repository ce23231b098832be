// Turnstiles under a random schedule, the same for the same seed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LOCK_TIMEOUT, LONGEST_TURN, simulate } from './helpers/simulation.js';
import { OPTIONS } from './helpers/turnstiles.js';

const POOLS = {
  'without limits': {},
  'with few clients': { maxClients: 5 },
  'with a small budget': { accepts: 20 },
  'with small batches': { multiAccept: 2, maxClients: 30, accepts: 100 },
  'without the accept lock': { acceptLock: false, maxClients: 10, accepts: 50 },
};

describe('whatever happens, no limit is exceeded, no two gates are polled, and nobody waits for ever', () => {
  for (const [name, options] of Object.entries(POOLS)) {
    for (let seed = 1; seed <= 6; seed++) {
      it(`in a pool ${name}, seed ${seed}`, () => {
        const wait = simulate(seed, options);
        assert.ok(wait <= LOCK_TIMEOUT + 200, `somebody waited ${wait} ms`);
      });
    }
  }
});

describe('while no worker is stopped, nobody waits longer than a deputy takes', () => {
  for (const [name, options] of Object.entries(POOLS)) {
    for (let seed = 101; seed <= 106; seed++) {
      it(`in a pool ${name}, seed ${seed}`, () => {
        const wait = simulate(seed, options, { canStop: false, canWant: false });
        assert.ok(wait <= LONGEST_TURN + 2 * OPTIONS.acceptInterval, `somebody waited ${wait} ms`);
      });
    }
  }
});
