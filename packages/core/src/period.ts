// Both processes. A time as people write it: 5s, 500ms, 2m. Pure.

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds; `undefined` for text that is not a time. A number without a unit means milliseconds. */
export function parsePeriod(text: string): number | undefined {
  const [, number = '', unit = 'ms'] = /^(-?\d+(?:\.\d+)?)([a-z]+)?$/.exec(text) ?? [];
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  return factor === undefined || number === '' ? undefined : Number(number) * factor;
}
