// Benchmark. Runs a case of a scenario: in each round every contender has its turn, on a server of its own, and the order
// rotates. So what disturbs the machine for a while disturbs all of them; still more so where they can stand side by side.

import { machineTime } from './proc.js';
import { Server } from './server.js';
import { median } from './stats.js';

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
    const tell = (name) => progress.turn(round, name);
    const takeTurns = scenario.warm ? sideBySide : oneByOne;
    const turns = await takeTurns(scenario, { ...params, seconds }, rotate(contenders, round), quiet, tell);
    for (const [name, { error, measured, foreign: share }] of turns) {
      if (error) {
        failures += 1;
        progress.note(`${scenario.name}, ${name}: ${error.message}`);
      } else {
        foreign.push(share);
      }
      for (const measure of Object.keys(scenario.measures)) {
        values[name][measure] ??= [];
        values[name][measure].push(round4(measured?.[measure]));
      }
    }
    progress.round(round);
  }
  return { values, foreign, failures };
}

/** Each contender has a turn, and the machine for itself. */
async function oneByOne(scenario, params, contenders, quiet, tell) {
  const turns = [];
  for (const contender of contenders) {
    tell(contender);
    turns.push([contender, await quietTurn(() => turnAlone(scenario, params, contender), quiet)]);
  }
  return turns;
}

/**
 * All contenders stand there warm, and are loaded for a second each in turn, as often as a turn has seconds: what slows the
 * machine for a minute slows all of them.
 */
async function sideBySide(scenario, params, contenders, quiet, tell) {
  const servers = new Map();
  const turns = new Map(contenders.map((name) => [name, []]));
  const used = () => usedBy([...servers.values()]);
  const failed = (name) => turns.get(name).find(({ error }) => error);
  try {
    for (const name of contenders) {
      tell(name);
      const server = new Server(name, { ...params, nodeFlags: scenario.nodeFlags });
      const warm = async () => {
        servers.set(name, server);
        await server.start();
        await scenario.warm(server);
      };
      const { error } = await takeTurn(warm, used);
      if (error) turns.get(name).push({ error });
    }
    for (let second = 0; second < params.seconds; second++) {
      for (const name of rotate(contenders, second)) {
        if (failed(name)) continue;
        const work = () => scenario.run({ ...params, seconds: 1, server: servers.get(name) });
        turns.get(name).push(await quietTurn(() => takeTurn(work, used), quiet));
      }
    }
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
  return contenders.map((name) => [name, failed(name) ?? middle(scenario, turns.get(name))]);
}

/** The medians of several turns. */
function middle({ measures }, turns) {
  const medianOf = (measure) => median(turns.map(({ measured }) => measured[measure]));
  return {
    measured: Object.fromEntries(Object.keys(measures).map((measure) => [measure, medianOf(measure)])),
    foreign: median(turns.map(({ foreign }) => foreign)),
  };
}

/** @returns the first turn in which others used no more than `quiet` percent of a processor, else the quietest */
async function quietTurn(take, quiet) {
  let best;
  for (let tries = 0; tries < TRIES; tries++) {
    const turn = await take();
    if (turn.error) return turn;
    if (!best || turn.foreign < best.foreign) best = turn;
    if (best.foreign <= quiet) break;
  }
  return best;
}

async function turnAlone(scenario, params, contender) {
  const servers = [];
  const open = async (options = {}) => {
    const server = new Server(contender, { ...params, nodeFlags: scenario.nodeFlags, ...options });
    servers.push(server);
    await server.start();
    return server;
  };
  const work = async () =>
    scenario.run({ ...params, contender, open, server: scenario.opens ? undefined : await open() });
  try {
    return await takeTurn(work, () => usedBy(servers));
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

const usedBy = (servers) => servers.reduce((total, server) => total + server.cpuTime(), 0);

/** @param used what the servers have used of the processors by now */
async function takeTurn(work, used) {
  const start = machineTime();
  const usedBefore = used();
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(reject, TURN_LIMIT, new Error(`no end after ${TURN_LIMIT / 1000} s`));
  });
  try {
    const measured = await Promise.race([work(), limit]);
    return { measured, foreign: foreignShare(start, machineTime(), used() - usedBefore) };
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

function rotate(names, by) {
  const first = by % names.length;
  return [...names.slice(first), ...names.slice(0, first)];
}

/** Percent of one processor that neither we nor our servers used: how noisy the machine was. */
function foreignShare(start, end, servers) {
  const others = end.busy - start.busy - (end.own - start.own) - servers;
  return Math.max(0, Math.round((others / (end.at - start.at)) * 100));
}

function round4(value) {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : null;
}
