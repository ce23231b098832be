// The ways to start a fixture of `prefork(listener, options)`: as it is, or as a file of servers of Node that the command serves
// unchanged. The variable PREFORK_TEST_WAY names one; tests know no difference.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../packages/core/dist/bundle/cli.js', import.meta.url));
const PRELOAD = new URL('../fixtures/unchanged/preload.js', import.meta.url).href;

/** @typedef {{ execArgv: string[], script: string[], args: string[], env?: Record<string, undefined> }} Start */

/** @type {Record<string, (start: Start, options: object | undefined, folder: () => string) => Start>} */
const WAYS = {
  prefork: (start) => start,
  unchanged({ execArgv, script, args }, options, folder) {
    if (options === undefined || !script[0]?.includes('/test/fixtures/')) return { execArgv, script, args };
    // where the file listens is its own business
    const { listen: _, ...own } = options;
    const config = join(folder(), 'prefork.config.mjs');
    writeFileSync(config, `export default ${JSON.stringify(own)};`);
    return {
      execArgv: [...execArgv, '--import', PRELOAD],
      script: [CLI],
      args: [script[0], '--config', config, '--', ...args],
      env: { PORT: undefined },
    };
  },
};

/** How a fixture is started here: node's flags, the script, its arguments. `folder` makes one that is this test's own. */
export function wayOf(start, options, folder) {
  return WAYS[process.env.PREFORK_TEST_WAY ?? 'prefork'](start, options, folder);
}
