// The benchmark: contenders side by side, in interleaved rounds. README.md says what the scenarios mean.

import { contenders, ON_DEMAND } from './contenders/index.js';
import { parseFlags, USAGE } from './lib/flags.js';
import { tool } from './lib/load.js';
import { followParent, install, nodeVersion, runOn } from './lib/node.js';
import { Progress } from './lib/progress.js';
import { printReadme } from './lib/readme.js';
import { save } from './lib/results.js';
import { runCase } from './lib/rounds.js';
import { describe, table } from './lib/table.js';
import { verdicts } from './lib/targets.js';
import { scenarios } from './scenarios/index.js';

followParent();
process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  let flags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    console.error(error.message);
    return 2;
  }
  if (flags.help) console.log(USAGE);
  else if (flags.readme) printReadme();
  else if (flags.node && Number(flags.node) !== nodeVersion.major) return runOn(flags.node, import.meta.filename, args);
  else return (await runAll(flags)) === 0 ? 0 : 1;
  return 0;
}

/** @returns how many turns failed */
async function runAll(flags) {
  let failures = 0;
  console.log(`Node ${process.version}, load from ${tool}, ${flags.rounds} rounds`);
  for (const [name, { name: module, spec, more }] of Object.entries(ON_DEMAND)) {
    if (flags[name] && !contenders[name].skip) install(module, spec, more);
  }
  const chosen = flags.scenario.length ? flags.scenario : Object.keys(scenarios);
  for (const name of chosen) {
    const scenario = scenarios[name];
    const names = takesPart(scenario, flags);
    if (names.length === 0) continue;
    const result = { cases: [] };
    for (const params of scenario.cases) {
      const progress = new Progress(`${name}${describe(params)}`, flags.rounds);
      const { rounds, duration: seconds, quiet } = flags;
      const settings = { contenders: names, rounds, seconds, quiet, progress };
      result.cases.push({ params, ...(await runCase(scenario, params, settings)) });
    }
    console.log(table(scenario, result));
    for (const verdict of verdicts(scenario, result)) console.log(say(verdict));
    console.log();
    save(name, result, flags.rounds);
    failures += result.cases.reduce((sum, each) => sum + each.failures, 0);
  }
  return failures;
}

function say({ scenario, measure, target, measured, met }) {
  return `${met ? 'met   ' : 'MISSED'} ${measured}, target ${target}: ${measure}; ${scenario}`;
}

function takesPart(scenario, flags) {
  const { contender } = flags;
  const wanted = contender.length
    ? scenario.contenders.filter((name) => contender.includes(name))
    : scenario.contenders;
  return wanted.filter((name) => {
    const { skip } = contenders[name] ?? {};
    if (Object.hasOwn(ON_DEMAND, name) && !flags[name]) return false;
    if (skip) console.log(`Skipped: ${skip}`);
    return !skip;
  });
}
