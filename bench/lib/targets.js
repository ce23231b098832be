// Benchmark. What the product promises, held against what was measured.
//
// A target is `{ measure, atMost | atLeast, over?, of?, unit?, only?, worst? }`: the median of `measure`, or with `over` that
// of its ratio to a peer (a list: to each) in the same round, or with `unit` of the difference. A limit may depend on Node's
// major. `only` names the cases, `of` a variant of the product, `worst` takes the worst round.

import { contenders, PRODUCT } from '../contenders/index.js';
import { nodeVersion } from './node.js';
import { differences, median, ratios } from './stats.js';
import { describe } from './table.js';

/** @returns for each target, peer and case that was measured: what was promised, what was measured, and whether it is met */
export function verdicts(scenario, { cases }, major = nodeVersion.major) {
  const found = [];
  for (const { params, values } of cases) {
    for (const target of scenario.targets) {
      if (Object.entries(target.only ?? {}).some(([name, value]) => params[name] !== value)) continue;
      for (const peer of peersOf(target)) {
        const verdict = judge(target, peer, scenario.measures[target.measure], values, major);
        if (verdict) found.push({ scenario: `${scenario.title}${describe(params)}`, ...verdict });
      }
    }
  }
  return found;
}

function peersOf({ over }) {
  return over === undefined ? [undefined] : [over].flat().filter((name) => name !== PRODUCT);
}

function judge(target, peer, { title, digits }, values, major) {
  const { measure, of = PRODUCT, unit } = target;
  const limit = forMajor(target.atLeast ?? target.atMost, major);
  const value = compared(target, values[of]?.[measure], peer && values[peer]?.[measure]);
  if (limit === undefined || !Number.isFinite(value)) return undefined;
  const isLeast = target.atLeast !== undefined;
  const more =
    peer === undefined ? '' : unit ? ` ${unit} over ${contenders[peer].title}` : ` x ${contenders[peer].title}`;
  return {
    measure: of === PRODUCT ? title : `${title} (${contenders[of].title})`,
    target: `${isLeast ? '>=' : '<='} ${limit}${more}`,
    measured: value.toFixed(peer === undefined || unit ? digits : 2),
    met: isLeast ? value >= limit : value <= limit,
  };
}

function compared({ over, unit, worst }, ours = [], theirs) {
  const known = ours.filter((value) => value !== null);
  if (over === undefined) return worst ? Math.max(...known) : median(known);
  return median((unit ? differences : ratios)(ours, theirs));
}

/** A limit, or one for each major of Node: a newer one than we know has the newest we know. */
function forMajor(limit, major) {
  if (typeof limit !== 'object') return limit;
  const known = Object.keys(limit).map(Number);
  return limit[Math.max(...known.filter((each) => each <= major))];
}
