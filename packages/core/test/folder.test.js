// The folder in which new processes start, and when the manager follows its name.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { enterFolder, followFolder, nextFolder } from '../dist/manager/folder.js';
import { origin } from '../dist/manager/origin.js';
import { tempDir } from './helpers/files.js';

describe('the folder', () => {
  it('is checked each time, and an error names it', () => {
    assert.equal(nextFolder(undefined), origin().folder);
    assert.equal(nextFolder('/'), '/');
    for (const folder of ['/nowhere', '/etc/passwd'])
      assert.throws(() => nextFolder(folder), {
        code: 'ERR_PREFORK_DIRECTORY',
        message: new RegExp(
          `^Can't enter the folder "${folder}", in which new processes start \\((ENOENT|ENOTDIR)\\)$`,
        ),
      });
  });

  it('is entered at the start and followed at a reload, unless the application has left it', (t) => {
    const start = process.cwd();
    t.after(() => process.chdir(start));
    const dir = tempDir(t);
    enterFolder(undefined);
    assert.equal(process.cwd(), start);
    assert.throws(() => enterFolder('/nowhere'), { code: 'ERR_PREFORK_DIRECTORY' });
    assert.equal(process.cwd(), start);
    enterFolder(dir);
    assert.equal(process.cwd(), dir);
    followFolder('/');
    assert.equal(process.cwd(), '/');
    process.chdir(dir);
    followFolder('/');
    assert.equal(process.cwd(), dir, 'the application has chosen it');
  });
});
