// What the docs say about the code, held against the code: options, errors, signals, log lines, commands, links, examples.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS, FLAGS, parseCommandLine } from '../packages/core/dist/cli/flags.js';
import { ERROR_CODES } from '../packages/core/dist/errors.js';
import { handleSignals } from '../packages/core/dist/manager/signals.js';
import { DEFAULTS, KINDS, resolveOptions } from '../packages/core/dist/options.js';
import { project, startCommand } from './helpers/command.js';
import { blocks } from './helpers/docs.js';
import { tempDir } from './helpers/files.js';
import { startServer } from './helpers/server.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const read = (path) => readFileSync(join(ROOT, path), 'utf8');
const list = (folder, pattern) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .filter((name) => pattern.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name));

const DOCS = list('docs', /\.md$/);
const READMES = ['README.md', ...list('packages', /^[a-z]+\/README\.md$/)];
const PAGES = [...READMES, ...DOCS, 'CHANGELOG.md', 'CONTRIBUTING.md', 'bench/README.md'].filter((page) =>
  existsSync(join(ROOT, page)),
);
const SOURCE = list('packages', /\/src\/.*\.ts$/)
  .map(read)
  .join('\n');

/** The rows of the table that begins with this head, as arrays of cells. */
function table(page, head) {
  const lines = read(page).split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.notEqual(start, -1, `${page} has no table "${head}"`);
  const rows = lines.slice(start + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end === -1 ? undefined : end).map((line) => line.slice(1, -1).split('|').map(trim));
}

const trim = (text) => text.trim();
/** `name` of "[`name`](#link)" or "`name`". */
const plain = (cell) => cell.replace(/^\[(.*)\]\(.*\)$/, '$1').replaceAll('`', '');

function headings(page) {
  return [...withoutBlocks(read(page)).matchAll(/^#+ (.*)$/gm)].map(([, text]) => text);
}

function withoutBlocks(text) {
  return text.replace(/^```.*?^```$/gms, '');
}

describe('the option tables', () => {
  const [, kinds] = /KINDS: .* = \{\n(.*?)\n\};/s.exec(read('packages/core/src/options.ts'));
  const known = [...kinds.matchAll(/^ {2}(\w+): '(\w+)'/gm)].map(([, name, kind]) => ({ name, kind }));

  const rows = (page) => table(page, 'option | default').map(([name, value]) => [plain(name), plain(value)]);

  test('of docs/options.md names every option of the code, and no other, in its order', () => {
    const names = rows('docs/options.md').map(([name]) => name);
    for (const name of names) assert.doesNotThrow(() => resolveOptions({ [name]: undefined }));
    assert.deepEqual(
      names,
      known.map(({ name }) => name),
    );
  });

  test('of docs/options.md has the defaults of the code', () => {
    const defaults = new Map(rows('docs/options.md'));
    for (const [name, value] of Object.entries(DEFAULTS)) {
      assert.equal(defaults.get(name), Array.isArray(value) ? `['${value.join("', '")}']` : String(value), name);
    }
  });

  test('of README.md has the eight that people set, with the same defaults', () => {
    const defaults = new Map(rows('docs/options.md'));
    assert.equal(rows('README.md').length, 8);
    for (const [name, value] of rows('README.md')) assert.equal(value, defaults.get(name), name);
  });

  test('are what the editor shows: every @default is that of the code', () => {
    const told = read('packages/core/src/options.ts').matchAll(
      /@default (.*)\n(?: {3}\*(?!\/).*\n)* {3}\*\/\n {2}(\w+)\?:/g,
    );
    const defaults = Object.fromEntries([...told].map(([, value, name]) => [name, value.replaceAll("'", '')]));
    for (const [name, value] of Object.entries(DEFAULTS)) {
      assert.equal(defaults[name], Array.isArray(value) ? `[${value}]` : String(value), name);
    }
  });

  test('are followed by a section on each option, and give its unit', () => {
    const sections = headings('docs/options.md');
    const units = new Map(table('docs/options.md', 'option | default').map(([name, , unit]) => [plain(name), unit]));
    for (const { name, kind } of known) {
      assert.ok(sections.includes(name), name);
      assert.equal(units.get(name) === 'ms', kind === 'duration' || kind === 'delay', name);
    }
  });
});

describe('the tables of the command', () => {
  test('name every flag of an option, with its letter, and no other, in the order of the options', () => {
    const changesDefault = ({ option, implied }) => implied === undefined || implied !== DEFAULTS[option];
    const flags = FLAGS.filter(changesDefault).map(({ name, short, option }) => [
      `${short ? `-${short}, ` : ''}--${name}`,
      option,
    ]);
    const rows = table('docs/cli.md', 'flag | option').map(([flag, option]) => [
      flag.replaceAll('`', ''),
      /^`(\w+)`/.exec(option)[1],
    ]);
    assert.deepEqual(rows, flags);
    assert.equal(new Set(rows.map(([, option]) => option)).size, Object.keys(KINDS).length - 2);
  });

  test('name every command and its own flags', () => {
    const commands = table('docs/cli.md', 'command | what it does').map(([text]) => /prefork ([a-z]+)/.exec(text)[1]);
    assert.deepEqual(commands, ['app', ...Object.keys(COMMANDS).slice(1)]);
    const flags = table('docs/cli.md', 'flag | meaning').map(([flag]) => plain(flag).split('--')[1]);
    const known = new Set([...Object.values(COMMANDS).flat(), 'help', 'version']);
    assert.deepEqual(flags.sort(), [...known].sort());
  });

  test('come with a config file and an app that serve', async (t) => {
    const [app, config] = blocks('docs/cli.md', 'mjs');
    const dir = project(t, { 'app.mjs': app, 'prefork.config.mjs': config.replace('app.js', 'app.mjs') });
    const server = startCommand(t, dir, ['-l', 'http://127.0.0.1:0']);
    assert.equal((await server.get()).body, 'Hello');
  });
});

describe('the table of errors', () => {
  test('names every code, and no other, with its sentence', () => {
    const rows = table('docs/errors.md', 'code | what happened').map(([code, text]) => [plain(code), text]);
    assert.deepEqual(rows, Object.entries(ERROR_CODES));
  });

  test('is followed by a section on each code', () => {
    const sections = headings('docs/errors.md').filter((text) => text.startsWith('ERR_'));
    assert.deepEqual(sections, Object.keys(ERROR_CODES));
  });
});

describe('the tables of signals', () => {
  const sorted = (names) => [...names].sort();
  const remove = handleSignals(() => {});
  const inManager = process.eventNames().filter((name) => String(name).startsWith('SIG'));
  remove();

  test('of README.md names what the manager handles, and no other', () => {
    const names = table('README.md', 'signal | what the manager does').flatMap(([cell]) => cell.split(', '));
    assert.deepEqual(sorted(names.map((name) => `SIG${name}`)), sorted(inManager));
  });

  test('of docs/signals.md says which process handles which signal', () => {
    const worker = ['worker', 'departure']
      .flatMap((name) => [...read(`packages/core/src/worker/${name}.ts`).matchAll(/'(SIG\w+)'/g)])
      .filter(([, name], i, all) => all.findIndex(([, other]) => other === name) === i);
    const rows = table('docs/signals.md', 'signal | manager').map(([name, ...cells]) => [
      `SIG${plain(name)}`,
      ...cells,
    ]);
    const handled = (column) => rows.filter((row) => !/^(-|dies at once)$/.test(row[column])).map(([name]) => name);
    assert.deepEqual(sorted(handled(1)), sorted(inManager));
    assert.deepEqual(sorted(handled(2)), sorted(worker.map(([, name]) => name)));
  });
});

describe('lines of the log', () => {
  /** Whether all that is not a number, a name or left out stands in the source. */
  function isLogged(line) {
    const parts = line.split(/\d+(?:\.\d+)?|[,;()]|SIG\w+|\.\.\.|"[^"]*"/).filter((part) => /\w{2}/.test(part));
    return parts.every((part) => SOURCE.includes(part.trim()));
  }

  test('that docs/errors.md explains are logged', () => {
    for (const [cell] of table('docs/errors.md', 'line | meaning')) {
      for (const [, line] of cell.matchAll(/`([^`]+)`/g)) assert.ok(isLogged(line), line);
    }
  });

  for (const page of ['README.md', 'docs/signals.md']) {
    test(`that ${page} shows are logged`, () => {
      const lines = [...read(page).matchAll(/^\[[\d :.-]+\] \[\d+\] \[\w+\] (.*)$/gm)].map(([, line]) => line);
      assert.notEqual(lines.length, 0);
      for (const line of lines) assert.ok(isLogged(line), line);
    });
  }
});

describe('commands and links', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const BUILT_IN = ['install', '-r'];

  for (const page of PAGES) {
    test(`of ${page} lead somewhere`, () => {
      for (const [, name] of read(page).matchAll(/npx (?:--yes )?pnpm@12 ([\w:-]+)/g)) {
        assert.ok(BUILT_IN.includes(name) || Object.hasOwn(scripts, name), `${name} is no script of package.json`);
      }
      for (const code of blocks(page, 'sh')) {
        for (const [, line] of code.matchAll(/\bprefork ((?:[a-z]+\.js|-|[a-z]+\b(?!\/)).*)$/gm)) {
          assert.doesNotThrow(() => parseCommandLine(line.replaceAll("'", '').split(' ')), line);
        }
      }
      for (const [, link] of withoutBlocks(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) checkLink(page, link);
    });
  }

  function checkLink(page, link) {
    if (/^https:\/\//.test(link)) return;
    const [path, anchor] = link.split('#');
    const target = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
    assert.ok(existsSync(join(ROOT, target)), `${page} links to ${link}, which is not there`);
    if (anchor === undefined) return;
    const anchors = headings(target).map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    assert.ok(anchors.includes(anchor), `${page} links to ${link}, a heading that is not there`);
  }
});

describe('examples', () => {
  for (const page of [...READMES, ...DOCS]) {
    const code = [...blocks(page, 'js'), ...blocks(page, 'diff').map(applied)];
    for (const [i, text] of code.entries()) {
      test(`number ${i + 1} of ${page} serves, and stops`, (t) => run(t, text));
    }
  }

  /** The file after the change. */
  function applied(diff) {
    return diff.replace(/^-.*\n/gm, '').replace(/^[+ ]/gm, '');
  }

  async function run(t, text) {
    const dir = tempDir(t);
    chmodSync(dir, 0o755); // workers may run as another user
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    const script = join(dir, 'server.mjs');
    writeFileSync(script, text.replaceAll('8080', '0').replaceAll('%2Ftmp%2F', encodeURIComponent(`${dir}/`)));
    const server = startServer(t, script, { dir, env: { PORT: '0', LISTEN: 'http://*:0', WEB_CONCURRENCY: '1' } });
    const { status } = await server.get();
    assert.ok(status === 200 || status === 404, `status ${status}`);
    process.kill(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  }
});
