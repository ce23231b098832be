// Nobody asks for anything: how often the workers wake up, and what that costs; then the same while connections are open.
// V8's memory reducer is off: it collects a few times in the first half minute, on all contenders alike.

import { setTimeout as sleep } from 'node:timers/promises';
import { hold } from '../lib/client.js';
import { contextSwitches, cpuTime } from '../lib/proc.js';

/** The product's heartbeat interval: a window of any other length has a beat more or less. */
const WINDOW = 5_000;
const HELD_PER_WORKER = 4;

export default {
  name: 'idle',
  title: 'Idle',
  nodeFlags: ['--no-memory-reducer'],
  contenders: ['prefork', 'shared', 'cluster', 'pm2'],
  cases: [{ workers: 8 }, { workers: 32 }],
  measures: {
    switches: { title: 'context switches per worker and second', digits: 2 },
    switchesHeld: { title: 'context switches, 4 connections held open per worker', digits: 2 },
    cpu: { title: 'us of CPU per worker and second', digits: 0 },
    cpuHeld: { title: 'us of CPU, 4 connections held open per worker', digits: 0 },
  },
  targets: [
    { measure: 'switches', atMost: 1.2 },
    { measure: 'switchesHeld', atMost: 1.2 },
  ],

  async run({ server, workers }) {
    await sleep(1500);
    const idle = await watch(server, workers);
    const release = await hold(server, HELD_PER_WORKER * workers);
    await sleep(1000);
    const held = await watch(server, workers);
    release();
    return { switches: idle.switches, cpu: idle.cpu, switchesHeld: held.switches, cpuHeld: held.cpu };
  },
};

async function watch(server, workers) {
  const [switches, cpu, start] = [contextSwitches(server.workers), cpuTime(server.workers), performance.now()];
  await sleep(WINDOW);
  const share = 1000 / (performance.now() - start) / workers;
  return {
    switches: (contextSwitches(server.workers) - switches) * share,
    cpu: (cpuTime(server.workers) - cpu) * share * 1000,
  };
}
