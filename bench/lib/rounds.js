// Benchmark. Runs a case of a scenario: in each round every contender has its turn, on a server of its own, and the order
// rotates. So what disturbs the machine for a while disturbs all of them.

import { machineTime } from './proc.js';
import { Server } from './server.js';

/** No turn may take longer, whatever goes wrong. */
const TURN_LIMIT = 300_000;

/** How often a turn is taken while others disturb it. */
const TRIES = 3;

/** @returns values: contender -> measure -> one value per round, null where it failed; foreign: percent
 * of a processor that others used, a value per turn; failures: turns that failed */
export async function runCase(scenario, params, { contenders, rounds, seconds, quiet, progress }) {
  const values = Object.fromEntries(contenders.map((name) => [name, {}]));
  const foreign = [];
  let failures = 0;
  for (let round = 0; round < rounds; round++) {
    const first = round % contenders.length;
    for (const name of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      progress.turn(round, name);
      const turn = await quietTurn(scenario, { ...params, seconds }, name, quiet);
      if (turn.error) {
        failures += 1;
        progress.note(`${scenario.name}, ${name}: ${turn.error.message}`);
      } else {
        foreign.push(turn.foreign);
      }
      for (const measure of Object.keys(scenario.measures)) {
        values[name][measure] ??= [];
        values[name][measure].push(round4(turn.measured?.[measure]));
      }
    }
    progress.round(round);
  }
  return { values, foreign, failures };
}

/** @returns the first turn in which others used no more than `quiet` percent of a processor, else the quietest */
async function quietTurn(scenario, params, contender, quiet) {
  let best;
  for (let tries = 0; tries < TRIES; tries++) {
    const turn = await takeTurn(scenario, params, contender);
    if (turn.error) return turn;
    if (!best || turn.foreign < best.foreign) best = turn;
    if (best.foreign <= quiet) break;
  }
  return best;
}

async function takeTurn(scenario, params, contender) {
  const start = machineTime();
  const servers = [];
  const open = async (options = {}) => {
    const server = new Server(contender, { ...params, nodeFlags: scenario.nodeFlags, ...options });
    servers.push(server);
    await server.start();
    return server;
  };
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(reject, TURN_LIMIT, new Error(`no end after ${TURN_LIMIT / 1000} s`));
  });
  try {
    const work = async () =>
      scenario.run({ ...params, contender, open, server: scenario.opens ? undefined : await open() });
    const measured = await Promise.race([work(), limit]);
    const ours = servers.reduce((total, server) => total + server.cpuTime(), 0);
    return { measured, foreign: foreignShare(start, machineTime(), ours) };
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** Percent of one processor that neither we nor our servers used: how noisy the machine was. */
function foreignShare(start, end, servers) {
  const others = end.busy - start.busy - (end.own - start.own) - servers;
  return Math.max(0, Math.round((others / (end.at - start.at)) * 100));
}

function round4(value) {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : null;
}
