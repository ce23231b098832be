// The house rules of CONTRIBUTING.md, checked over all sources: import edges, the head of a file, and its size.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript5';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FILE_LINES = 200;
const FUNCTION_LINES = 45;

/** Files and functions that are longer, by how much at the most, and why. They may shrink, and must not grow. */
const LONGER = {
  'packages/core/src/options.ts': [342, 'one docstring for each option'],
  'packages/core/src/prefork.ts': [384, 'the public class, half of it docstrings'],
  'packages/core/src/locations.ts': [256, 'one grammar'],
  'packages/core/src/scoreboard.ts': [248, 'one line for each word of the page'],
  'packages/core/src/manager/manager.ts': [396, 'the life of a server, in order'],
  'packages/core/src/worker/adoption.ts': [202, 'one sequence, from a listen call to its answer'],
  'packages/core/src/worker/connections.ts': [202, 'one list of what an event means'],
  'packages/core/src/worker/service.ts': [240, 'from the first server to the last connection, in order'],
  'packages/core/src/worker/turnstile.ts': [220, 'one switch and its cases'],
  'packages/core/src/worker/worker.ts serve': [118, "a worker's life in order"],
  'packages/core/src/worker/balance.ts createBalance': [55, 'functions that share a scoreboard'],
  'packages/core/src/worker/gate.ts createGate': [57, 'functions that share a list of doors'],
  'packages/core/src/worker/heartbeat.ts createHeartbeat': [49, 'functions that share a pipe'],
};

/** Who may import what. `from` and `to` are tested against a path inside `src`, or the name of a module. */
const FORBIDDEN = [
  { from: /^manager\//, to: /^worker\//, why: 'the manager never sees a connection, a request or the app' },
  { from: /^worker\//, to: /^manager\//, why: 'a worker never supervises' },
  { from: /^cli\//, to: /^worker\//, why: 'the command serves through prefork.ts' },
  { from: /^(?!libc\.ts$)/, to: /^koffi$/, why: 'koffi is loaded in libc.ts' },
  {
    from: /^(?!posix\/|handover\.ts$|platform\.ts$|manager\/spawn\.ts$)/,
    to: /^libc\.ts$/,
    why: 'libc is called in posix/',
  },
  { from: /^(?!manager\/spawn\.ts$)/, to: /^node:child_process$/, why: 'manager/spawn.ts starts processes' },
  {
    from: /^(?!cli|worker|single|manager|index|prefork|adopt\.ts$)/,
    to: /^(worker|manager|single|cli)\//,
    why: 'shared files know no process',
  },
];

const sources = ['core', 'express', 'koa'].flatMap((name) => {
  const src = join(ROOT, 'packages', name, 'src');
  return readdirSync(src, { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file, path: relative(ROOT, join(src, file)), text: readFileSync(join(src, file), 'utf8') }));
});

function* functions(node, source) {
  if (ts.isFunctionLike(node) && node.body) {
    const [first, last] = [node.getStart(source), node.end].map((at) => source.getLineAndCharacterOfPosition(at).line);
    yield { name: node.name?.getText(source) ?? 'a function', line: first + 1, lines: last - first + 1 };
  }
  const inner = [];
  ts.forEachChild(node, (child) => {
    inner.push(child);
  });
  for (const child of inner) yield* functions(child, source);
}

test('no file imports what its process must not touch', () => {
  const wrong = sources.flatMap(({ file, path, text }) =>
    [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].flatMap(([statement, name]) => {
      const to = name.startsWith('.') ? relative('/', resolve('/', dirname(file), name)).replace(/\.js$/, '.ts') : name;
      const isType = new RegExp(`import type [^;]*'${name.replaceAll('.', '\\.')}'`).test(text);
      return FORBIDDEN.filter((rule) => !isType && rule.from.test(file) && rule.to.test(to)).map(
        ({ why }) => `${path} imports ${to}: ${why} (${statement})`,
      );
    }),
  );
  assert.deepEqual(wrong, []);
});

test('every file says first in which process it runs, in a few lines', () => {
  const wrong = sources.filter(({ text }) => !/^(#!.*\n)?(\/\/.*\n){1,7}\n/.test(text)).map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test(`a file has at most ${FILE_LINES} lines, and a function ${FUNCTION_LINES}`, () => {
  const wrong = sources.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1;
    const file = lines > (LONGER[path]?.[0] ?? FILE_LINES) ? [`${path} has ${lines} lines`] : [];
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const long = [...functions(source, source)].filter(
      (found) => found.lines > (LONGER[`${path} ${found.name}`]?.[0] ?? FUNCTION_LINES),
    );
    return [...file, ...long.map(({ name, line, lines }) => `${path}:${line} ${name} has ${lines} lines`)];
  });
  assert.deepEqual(wrong, []);
});

test('imports lead in no circle, those of types included', () => {
  const imports = new Map(
    sources.map(({ path, text }) => [
      path,
      [...text.matchAll(/from '(\.[^']+)\.js'/g)].map(([, name]) => `${join(dirname(path), name)}.ts`),
    ]),
  );
  const done = new Set();
  const visit = (path, way) => {
    if (way.includes(path)) return assert.fail([...way.slice(way.indexOf(path)), path].join(' -> '));
    if (done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
});
