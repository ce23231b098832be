// Both processes. How much memory a worker may take, as the option `maxMemory` says it. Pure, but for the container's limit.

import { totalmem } from 'node:os';

const UNITS: Record<string, number> = { KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };
const SIZE = /^(\d+(?:\.\d+)?)(KB|MB|GB|TB|%)$/;

/** Whether it is bytes, a size or a share. */
export function isMemory(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0;
  const [, number, unit] = (typeof value === 'string' && SIZE.exec(value)) || [];
  if (number === undefined) return false;
  return Number(number) > 0 && (unit !== '%' || Number(number) <= 100);
}

/** Bytes for each worker; 0 means no limit. @param available what all workers may use together, in bytes */
export function memoryOf(value: number | string, workers: number, available = availableMemory): number {
  if (typeof value === 'number') return value;
  const [, number = '0', unit = '%'] = SIZE.exec(value) ?? [];
  if (unit !== '%') return Math.round(Number(number) * (UNITS[unit] ?? 0));
  return Math.round(((Number(number) / 100) * available()) / Math.max(1, workers));
}

/** The limit of the container, else what the machine has. */
function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
