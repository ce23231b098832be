// The `prefork` command. Formats figures for people. Pure. A broken worker may have written any number.

/** The two largest units: 3d 4h, 12m 5s. */
export function duration(milliseconds: number): string {
  const seconds = Math.floor((Number.isFinite(milliseconds) ? milliseconds : 0) / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}

/** 0.35ms, 12ms, 3.2s. */
export function milliseconds(time: number | undefined): string {
  if (time === undefined || !Number.isFinite(time)) return '-';
  if (time < 10) return `${time.toFixed(2)}ms`;
  if (time < 1_000) return `${Math.round(time)}ms`;
  return time < 100_000 ? `${(time / 1_000).toFixed(1)}s` : duration(time);
}

/** 512K, 61M, 1.2G. */
export function bytes(size: number): string {
  const units = ['K', 'M', 'G', 'T', 'P'];
  let value = (Number.isFinite(size) ? Math.max(0, size) : 0) / 1024;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1024;
  if (value >= 1000) return '>999P';
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

/** A share, 0 to 1. */
export function percent(share: number): string {
  return `${Math.round(within(share) * 100)}%`;
}

/** A share that is one. */
function within(share: number): number {
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
}

/** 0.4, 12, 3.1k, 2.0M: never more than five characters. */
export function rate(value: number): string {
  const number = Number.isFinite(value) ? Math.max(0, value) : 0;
  if (number < 10) return number.toFixed(1);
  if (number < 10_000) return String(Math.round(number));
  if (number < 99_950) return `${(number / 1_000).toFixed(1)}k`;
  if (number < 999_500) return `${Math.round(number / 1_000)}k`;
  if (number < 99_950_000) return `${(number / 1_000_000).toFixed(1)}M`;
  return number < 999_500_000 ? `${Math.round(number / 1_000_000)}M` : '>999M';
}

/** The first characters of a line, at most `width`. Colours take no room, and the last one is reset. */
export function cut(line: string, width: number): string {
  let room = width;
  const parts = line.match(/\p{Cc}\[\d+m|./gsu) ?? [];
  return parts.filter((part) => part.length > 2 || room-- > 0).join('');
}

/** A bar of so many characters, filled by a share. */
export function bar(share: number, width: number): string {
  const filled = Math.round(within(share) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}

const LEVELS = [...'▁▂▃▄▅▆▇█'];

/** The last values as a line of bars, scaled to the highest of them. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const top = Math.max(...shown, Number.MIN_VALUE);
  return shown.map((value) => LEVELS[Math.round(within(value / top) * (LEVELS.length - 1))] ?? '').join('');
}
