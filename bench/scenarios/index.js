// All scenarios, in the order in which they run.

import blocked from './blocked.js';
import boot from './boot.js';
import cpu from './cpu.js';
import idle from './idle.js';
import keepAlive from './keep-alive.js';
import kill from './kill.js';
import manager from './manager.js';
import manyWorkers from './many-workers.js';
import memory from './memory.js';
import memoryAfterLoad from './memory-after-load.js';
import mixed from './mixed.js';
import newConnection from './new-connection.js';
import spreadKept from './spread-kept.js';
import spreadSequential from './spread-sequential.js';

const traffic = [newConnection, keepAlive, mixed, cpu];
const fairness = [spreadKept, spreadSequential, blocked, manyWorkers];
const upkeep = [idle, memory, memoryAfterLoad, manager, boot, kill];

export const scenarios = Object.fromEntries(
  [...traffic, ...fairness, ...upkeep].map((scenario) => [scenario.name, scenario]),
);
