// Benchmark. Targets and what was measured, of every major that was, as a Markdown table.

import { scenarios } from '../scenarios/index.js';
import { readResults } from './results.js';
import { verdicts } from './targets.js';

const MAJORS = [20, 22, 24, 26];

export function printReadme() {
  const rows = new Map();
  const measured = MAJORS.flatMap((major) => {
    const results = readResults(major);
    return results ? [{ major, results }] : [];
  });
  for (const { major, results } of measured) {
    for (const [name, scenario] of Object.entries(scenarios)) {
      const result = results.scenarios[name] ?? { cases: [] };
      for (const verdict of verdicts(scenario, result, major)) {
        const row = `| ${verdict.scenario} | ${verdict.measure} | ${verdict.target} |`;
        const cells = rows.get(row) ?? {};
        rows.set(row, { ...cells, [major]: verdict.met ? verdict.measured : `**${verdict.measured}**` });
      }
    }
  }
  const heads = measured.map(({ results }) => ` Node ${results.node.slice(1)} |`).join('');
  console.log(`| scenario | measure | target |${heads}\n| --- | --- | --- |${' --- |'.repeat(measured.length)}`);
  for (const [row, cells] of rows) console.log(row + measured.map(({ major }) => ` ${cells[major] ?? '-'} |`).join(''));
}
