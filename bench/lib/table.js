// Benchmark. Results of a case as a table for the terminal.

import { contenders, PRODUCT } from '../contenders/index.js';
import { median, ratios } from './stats.js';

export function table(scenario, result) {
  const lines = [];
  for (const { params, values } of result.cases) {
    lines.push('', `${scenario.title}${describe(params)}`, ...caseTable(scenario, values));
  }
  const noise = result.cases.flatMap(({ foreign }) => foreign);
  if (noise.length > 0)
    lines.push('', `Others used ${median(noise)} % of a processor meanwhile, ${Math.max(...noise)} at most.`);
  return lines.join('\n');
}

const WORDS = {
  app: (value) => ({ http: 'plain http', express: 'Express' })[value],
  workers: (value) => `${value} workers`,
  connection: (value) => `${value} connections`,
  gap: (value) => `${value} ms apart`,
  pool: (value) => value,
  from: (value) => `in a ${value}`,
};

export function describe(params) {
  return Object.entries(params)
    .map(([name, value]) => `, ${WORDS[name](value)}`)
    .join('');
}

function caseTable(scenario, values) {
  const rows = [['', 'median', 'min', 'max', `${PRODUCT} / it`]];
  for (const [measure, { title, digits }] of Object.entries(scenario.measures)) {
    const measured = Object.entries(values).filter(([, its]) => its[measure]?.some((value) => value !== null));
    if (measured.length === 0) continue;
    rows.push([title]);
    for (const [name, its] of measured) {
      const known = its[measure].filter((value) => value !== null);
      const shown = [median(known), Math.min(...known), Math.max(...known)].map((value) => value.toFixed(digits));
      const ratio = median(ratios(values[PRODUCT]?.[measure], its[measure]));
      rows.push([`  ${contenders[name].title}`, ...shown, Number.isFinite(ratio) ? ratio.toFixed(3) : '-']);
    }
  }
  return align(rows);
}

function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]));
  return rows.map((row) => row.map(pad).join('   ').trimEnd());
}
