// Benchmark. A bar chart of a scenario: a group of bars per case and measure; the bar is the median, the whisker goes from
// the lowest to the highest round.

import { contenders, PRODUCT } from '../contenders/index.js';
import { median } from './stats.js';
import { describe } from './table.js';

const WIDTH = 760;
const LEFT = 210;
const BAR = 360;
const ROW = 20;

export function chart(scenario, { cases }, version) {
  const parts = [];
  let y = 50;
  for (const { params, values } of cases) {
    for (const [measure, { title, digits }] of Object.entries(scenario.measures)) {
      const bars = barsOf(values, measure);
      if (bars.length === 0) continue;
      parts.push(text(12, y, `${title}${describe(params)}`, 'font-weight="bold"'));
      y += 10;
      const longest = Math.max(...bars.map(({ high }) => high)) || 1;
      for (const bar of bars) {
        parts.push(...draw(bar, y, BAR / longest, digits));
        y += ROW;
      }
      y += 24;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}"`,
    '  font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="title">',
    `<title id="title">${scenario.title}, Node ${version.slice(1)}</title>`,
    `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`,
    text(12, 24, `${scenario.title} (Node ${version.slice(1)})`, 'font-size="15" font-weight="bold"'),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function barsOf(values, measure) {
  return Object.entries(values).flatMap(([name, its]) => {
    const known = (its[measure] ?? []).filter((value) => value !== null);
    if (known.length === 0) return [];
    return [{ name, middle: median(known), low: Math.min(...known), high: Math.max(...known) }];
  });
}

function draw({ name, middle, low, high }, y, scale, digits) {
  const at = (value) => Math.round((LEFT + value * scale) * 10) / 10;
  const colour = name.startsWith(PRODUCT) ? '#2f6fb0' : '#b5bcc4';
  const centre = y + ROW / 2;
  return [
    text(LEFT - 8, centre + 4, contenders[name].title, 'text-anchor="end"'),
    `<rect x="${LEFT}" y="${y + 3}" width="${Math.max(1, at(middle) - LEFT)}" height="${ROW - 6}" fill="${colour}"/>`,
    `<path d="M${at(low)} ${centre}H${at(high)}" stroke="#222"/>`,
    text(at(high) + 8, centre + 4, middle.toFixed(digits)),
  ];
}

function text(x, y, content, attributes = '') {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}" ${attributes}>${safe}</text>`;
}
