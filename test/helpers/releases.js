// The classic layout of a deployment: `current -> releases/N`. A test makes releases, switches the link, and takes old ones away.

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir } from './files.js';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const TELL = new URL('../fixtures/tell.js', import.meta.url).href;

/** A server whose answer says which release it is, and in which folder it runs. The options are JSON in its first argument. */
const SERVER = `
  import { prefork } from '@prefork/core';
  import { tell } from '${TELL}';
  import { release } from './release.mjs';
  const answer = () => JSON.stringify({ release, folder: process.cwd(), mark: process.env.MARK, preloaded: globalThis.preloaded });
  tell(prefork((_request, response) => response.end(answer()), JSON.parse(process.argv[2] ?? '{}'))).listen(0, '127.0.0.1');`;

/** Release 1, and what makes the next ones. */
export function deployment(t, files = {}) {
  const root = tempDir(t);
  const current = join(root, 'current');
  symlinkSync(MODULES, join(root, 'node_modules'));
  const folder = (release) => join(root, 'releases', String(release));
  const write = (release, more = {}) => {
    mkdirSync(folder(release), { recursive: true });
    const all = { 'server.mjs': SERVER, 'release.mjs': `export const release = ${release};`, ...files, ...more };
    for (const [name, text] of Object.entries(all)) {
      writeFileSync(join(folder(release), name), text.replaceAll('RELEASE', release));
    }
  };
  const switchTo = (release) => {
    symlinkSync(folder(release), `${current}.new`);
    renameSync(`${current}.new`, current);
  };
  const remove = (release) => rmSync(folder(release), { recursive: true });
  write(1);
  switchTo(1);
  return { root, current, folder, write, switchTo, remove };
}
