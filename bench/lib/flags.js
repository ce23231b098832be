// Benchmark. The command line.

import { parseArgs } from 'node:util';
import { contenders } from '../contenders/index.js';
import { scenarios } from '../scenarios/index.js';

export const USAGE = `npx pnpm@12 bench [flags]

  --node 24              run servers and clients on this major, installed on demand
  --rounds 7             rounds, in each of which every contender has its turn
  --duration 3           seconds of load per turn
  --quiet 25             repeat a turn, twice at the most, in which others used more percent of a processor
  --scenario a,b         ${Object.keys(scenarios).join(', ')}
  --contender a,b        ${Object.keys(contenders).join(', ')}
  --pm2                  with PM2, installed on demand (as bench:pm2)
  --watt                 with Watt, likewise
  --readme               run nothing, print the results so far as a Markdown table
  --help`;

export function parseFlags(args) {
  const { values } = parseArgs({
    args,
    options: {
      node: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      duration: { type: 'string', default: '3' },
      quiet: { type: 'string', default: '25' },
      scenario: { type: 'string', default: '' },
      contender: { type: 'string', default: '' },
      pm2: { type: 'boolean', default: false },
      watt: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    ...values,
    rounds: positive('--rounds', values.rounds),
    duration: positive('--duration', values.duration),
    quiet: positive('--quiet', values.quiet),
    scenario: names('--scenario', values.scenario, scenarios),
    contender: names('--contender', values.contender, contenders),
  };
}

function positive(flag, text) {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new RangeError(`Expected ${flag} to be a positive integer, got \`${text}\``);
  return Number(text);
}

function names(flag, text, known) {
  const list = text.split(',').filter((name) => name !== '');
  for (const name of list) {
    if (!Object.hasOwn(known, name)) {
      throw new RangeError(`Expected ${flag} to be of ${Object.keys(known).join(', ')}, got \`${name}\``);
    }
  }
  return list;
}
