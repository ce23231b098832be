// Manager. The functions by which the manager reaches the system. A unit test passes its own and starts no process.

import type { Settings } from '../options.js';
import { type Inheritance, takeInheritance } from './inheritance.js';
import { Pool, type PoolEvents } from './pool.js';
import { openPremises, type Premises } from './premises.js';
import { Upgrade, type UpgradeEvents } from './upgrade.js';

export type PoolLike = Pick<Pool, keyof Pool>;
export type UpgradeLike = Pick<Upgrade, keyof Upgrade>;

export interface ManagerParts {
  readonly takeInheritance: (run: number) => Inheritance | undefined;
  readonly openPremises: typeof openPremises;
  readonly createPool: (settings: Settings, run: number, premises: Premises, events: PoolEvents) => PoolLike;
  readonly createUpgrade: (run: number, settings: Settings, events: UpgradeEvents) => UpgradeLike;
}

export const PARTS: ManagerParts = {
  takeInheritance,
  openPremises,
  createPool: (...all) => new Pool(...all),
  createUpgrade: (...all) => new Upgrade(...all),
};
