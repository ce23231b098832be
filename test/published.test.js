// What npm would publish: the contents of each package, its entry points, its types as a user's compiler sees them, its size.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { tempDir } from './helpers/files.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = ['core', 'express', 'koa'];

/** The largest that a package may become, packed. A user downloads it with each install. Bytes. */
const BUDGET = { core: 400_000, express: 12_000, koa: 12_000 };

/** A user's settings that have to see our types. TypeScript before 5.8 can't import an ES module from CommonJS. */
const SETTINGS = {
  'an ES module with NodeNext': { module: 'nodenext', file: 'main.mts' },
  'CommonJS with NodeNext': { module: 'nodenext', file: 'main.cts' },
  'an ES module with Node16': { module: 'node16', file: 'main.mts' },
  'a bundler': { module: 'esnext', moduleResolution: 'bundler', file: 'main.mts' },
};

const SOURCE = `
import { type Log, Prefork, PreforkError, type PreforkOptions, prefork, type Status } from '@prefork/core';
const log: Log = { info() {}, warn() {}, error() {} };
const options: PreforkOptions = { workers: 2, log, createServer: undefined };
const server: Prefork = prefork((request, response) => { response.end(request.url); }, options);
server.on('reap', (pid: number) => { pid.toFixed(); });
server.on('server', (own) => { own.keepAliveTimeout = 1; });
server.listen({ port: 0 }, (error?: Error) => { if (error instanceof PreforkError) error.code satisfies string; });
export const status: Status | undefined = server.status();
// @ts-expect-error an unknown option
prefork(() => {}, { wrokers: 2 });
`;

/** Where the tarballs are, and unpacked. */
const dir = mkdtempSync(join(tmpdir(), 'prefork-published-'));

after(() => rmSync(dir, { recursive: true }));

before(
  () => {
    for (const name of PACKAGES) {
      const cwd = join(ROOT, 'packages', name);
      execFileSync('npx', ['--yes', 'pnpm@12', 'pack', '--out', join(dir, `${name}.tgz`)], { cwd, stdio: 'pipe' });
      mkdirSync(join(dir, 'node_modules/@prefork', name), { recursive: true });
      const unpack = ['-xzf', join(dir, `${name}.tgz`), '--strip-components=1'];
      execFileSync('tar', [...unpack, '-C', join(dir, 'node_modules/@prefork', name)]);
    }
    for (const name of ['debug', 'koffi', 'ms']) link(name, 'packages/core/node_modules');
    link('@types/node', 'packages/core/node_modules');
  },
  { timeout: 120_000 },
);

function link(name, from) {
  const target = join(ROOT, from, name);
  if (!statSync(target, { throwIfNoEntry: false })) return;
  mkdirSync(dirname(join(dir, 'node_modules', name)), { recursive: true });
  symlinkSync(target, join(dir, 'node_modules', name));
}

const unpacked = (name) => join(dir, 'node_modules/@prefork', name);

for (const name of PACKAGES) {
  test(`@prefork/${name} holds its licence, its README and its code, and nothing else`, () => {
    const files = readdirSync(unpacked(name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(unpacked(name).length + 1));
    for (const file of ['LICENSE', 'README.md', 'package.json']) assert.ok(files.includes(file), `${file} is missing`);
    const rest = files.filter(
      (file) => !/^(dist|src)\//.test(file) && !/^(LICENSE|README\.md|package\.json)$/.test(file),
    );
    assert.deepEqual(rest, []);
    assert.deepEqual(
      files.filter((file) => /test|tsbuildinfo|\/\./.test(file)),
      [],
    );
  });

  test(`@prefork/${name} depends on no workspace`, () => {
    const { dependencies } = JSON.parse(readFileSync(join(unpacked(name), 'package.json'), 'utf8'));
    for (const range of Object.values(dependencies)) assert.match(range, /^\^?\d/);
  });

  test(`publint finds nothing to say about @prefork/${name}`, async () => {
    const { messages } = await publint({ pkgDir: unpacked(name), pack: false, strict: true });
    assert.deepEqual(messages, []);
  });

  test(`the types of @prefork/${name} are right for every way to import it`, async () => {
    const tarball = createPackageFromTarballData(readFileSync(join(dir, `${name}.tgz`)));
    const { problems } = await checkPackage(tarball);
    // require() loads an ES module on every Node that we support
    assert.deepEqual(
      problems.filter(({ kind }) => kind !== 'CJSResolvesToESM'),
      [],
    );
  });

  test(`@prefork/${name} is small enough to download without a thought`, () => {
    const { size } = statSync(join(dir, `${name}.tgz`));
    assert.ok(size <= BUDGET[name], `${size} bytes, the budget is ${BUDGET[name]}`);
  });
}

for (const compiler of ['typescript', 'typescript5']) {
  for (const [who, { file, ...settings }] of Object.entries(SETTINGS)) {
    test(`${compiler} compiles ${who} against the published types, those of our dependencies unknown`, (t) => {
      const cwd = tempDir(t);
      cpSync(join(dir, 'node_modules/@prefork'), join(cwd, 'node_modules/@prefork'), { recursive: true });
      mkdirSync(join(cwd, 'node_modules/@types'));
      symlinkSync(join(ROOT, 'packages/core/node_modules/@types/node'), join(cwd, 'node_modules/@types/node'));
      writeFileSync(join(cwd, file), SOURCE);
      const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, target: 'es2022', ...settings };
      writeFileSync(
        join(cwd, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['node'] }, files: [file] }),
      );
      const tsc = join(ROOT, 'node_modules', compiler, 'bin/tsc');
      const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', cwd], { encoding: 'utf8', timeout: 60_000 });
      assert.equal(status, 0, stdout);
    });
  }
}

test('what is published can be imported and required', () => {
  const run = (...args) => execFileSync(process.execPath, args, { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
  const show = 'console.log(typeof prefork, typeof Prefork, typeof PreforkError)';
  const names = '{ prefork, Prefork, PreforkError }';
  assert.match(run('--input-type=module', '-e', `import ${names} from '@prefork/core'; ${show}`), /^(function ?){3}$/m);
  assert.match(run('-e', `const ${names} = require('@prefork/core'); ${show}`), /^(function ?){3}$/m);
});
