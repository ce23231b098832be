// What a command line says: flags are the options in kebab case.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMMANDS, FLAGS, parseCommandLine } from '../dist/cli/flags.js';
import { HELP } from '../dist/cli/help.js';
import { KINDS } from '../dist/options.js';

const options = (...args) => parseCommandLine(args).options;
const refuses = (args, message) =>
  assert.throws(() => parseCommandLine(args), { name: 'CommandError', status: 2, message }, args.join(' '));

describe('a flag', () => {
  const SAMPLES = {
    boolean: [],
    count: ['7', 7],
    positive: ['7', 7],
    delay: ['2s', 2000],
    duration: ['2s', 2000],
    identity: ['nobody', 'nobody'],
    memory: ['512MB', '512MB'],
    period: ['2s', 2000],
    folder: ['/srv/current', '/srv/current'],
    path: ['/run/a', '/run/a'],
    urls: ['http://*:1', ['http://*:1']],
  };

  it('is there for every option but functions and objects', () => {
    const without = Object.keys(KINDS).filter((option) => !FLAGS.some((flag) => flag.option === option));
    assert.deepEqual(without, ['createServer', 'log']);
  });

  for (const { name, short, option, implied } of FLAGS) {
    it(`--${name} sets ${option}${short ? `, and so does -${short}` : ''}`, () => {
      const [text, value] = SAMPLES[KINDS[option]];
      if (implied !== undefined) return assert.deepEqual(options(`--${name}`), { [option]: implied });
      assert.deepEqual(options(`--${name}`, text), { [option]: value });
      assert.deepEqual(options(`--${name}=${text}`, 'app.js'), { [option]: value });
      if (short) assert.deepEqual(options('app.js', `-${short}`, text), { [option]: value });
      if (short) assert.deepEqual(options(`-${short}${text}`), { [option]: value });
      refuses([`--${name}`], `--${name} needs a value`);
      refuses([`--${name}`, '--silent'], `--${name} needs a value`);
    });
  }

  it('has the letter of the seed', () => {
    const letters = FLAGS.flatMap(({ short }) => short ?? []);
    assert.deepEqual(letters.sort().join(''), 'AGHLPabcgilrsuw');
  });

  it('that is given twice counts as it was given last, and --listen adds up', () => {
    assert.deepEqual(options('-w', '1', '-w', '2').workers, 2);
    assert.deepEqual(options('--no-cleanup', '--cleanup').cleanup, true);
    assert.deepEqual(options('-l', 'http://*:1', '--listen=http://*:2').listen, ['http://*:1', 'http://*:2']);
  });

  it('that is wrong is named as it is spelled there, with the message of the option', () => {
    refuses(['-w', '-1'], 'Expected --workers to be a non-negative integer, got `-1`');
    refuses(['-w', 'many'], "Expected --workers to be a number, got `'many'`");
    refuses(['--workers=2000'], 'Expected --workers to be at most 1024, got `2000`');
    refuses(['-c', '0'], 'Expected --max-clients to be a positive integer, got `0`');
    refuses(['-P', ''], "Expected --pid-file to be a path, got `''`");
    refuses(['--silent=yes'], '--silent takes no value, got `yes`');
    refuses(['--check=yes'], '--check takes no value, got `yes`');
  });

  it('that is unknown is told with the nearest one', () => {
    refuses(['--worker', '2'], 'Unknown flag `--worker`, did you mean `--workers`?');
    refuses(['--gracefull-timeout=2'], 'Unknown flag `--gracefull-timeout`, did you mean `--graceful-timeout`?');
    refuses(['--wacth'], 'Unknown flag `--wacth`, did you mean `--watch`?');
    refuses(['--cluster'], 'Unknown flag `--cluster`, see `prefork --help`');
    refuses(['-x'], 'Unknown flag `-x`, see `prefork --help`');
    refuses(['--constructor'], 'Unknown flag `--constructor`, see `prefork --help`');
  });
});

describe('a time', () => {
  const TIMES = { '20s': 20_000, '500ms': 500, '2m': 120_000, '1h': 3_600_000, 250: 250, '1.5s': 1_500, 0.5: 0.5 };
  for (const [text, value] of Object.entries(TIMES)) {
    it(`${text} is ${value} ms`, () => assert.equal(options('-G', text).gracefulTimeout, value));
  }

  for (const text of ['20x', 's', '', '1,5s', '20 s', '--1', '1.2.3s', '5S', 'constructor']) {
    it(`cannot be "${text}"`, () => {
      refuses([`-G${text}`, ...(text === '' ? [''] : [])], /^Expected --graceful-timeout to be a time such as 20s, /);
    });
  }

  it('has the limits of its option', () => {
    refuses(['-G', '0'], 'Expected --graceful-timeout to be milliseconds above 0 and below 2147483648, got `0`');
    refuses(['-G', '600h'], /^Expected --graceful-timeout to be milliseconds above 0 and below 2147483648, got /);
    refuses(['--shutdown-delay=-1s'], 'Expected --shutdown-delay to be a non-negative integer, got `-1000`');
    assert.equal(options('--shutdown-delay', '0').shutdownDelay, 0);
  });
});

describe('a command line', () => {
  it("names the app, and what follows -- is the app's", () => {
    const { command, operand, options } = parseCommandLine(['app.js', '-w', '2', '--', '-w', '3', 'more']);
    assert.deepEqual([command, operand, options.workers], ['serve', 'app.js', 2]);
  });

  for (const command of Object.keys(COMMANDS).slice(1)) {
    it(`may be the command ${command}, which takes the PID file and no other option`, () => {
      const more = command === 'resize' ? ['4'] : [];
      const line = parseCommandLine([command, ...more, '-P', '/run/a.pid']);
      assert.deepEqual([line.command, line.operand, line.options], [command, more[0], { pidFile: '/run/a.pid' }]);
      refuses([command, '-w', '2'], `\`prefork ${command}\` does not take -w`);
      refuses([command, '--check'], `\`prefork ${command}\` does not take --check`);
      refuses([command, ...more, 'b'], new RegExp(`^Expected (nothing|one number) after \`prefork ${command}\`, got`));
    });
  }

  it('takes an app for `serve`, and a path for what is no command', () => {
    assert.equal(parseCommandLine(['./stop']).command, 'serve');
    assert.deepEqual(parseCommandLine(['serve']).operand, 'serve');
    refuses(['a.js', 'b.js'], 'Expected one app after `prefork`, got `b.js`');
    refuses(['app.js', '--now'], '`prefork app.js` does not take --now');
  });

  for (const amount of ['4', '+2', '-1', '-12']) {
    it(`resizes by or to ${amount}`, () => {
      assert.equal(parseCommandLine(['resize', amount]).operand, amount);
      assert.equal(parseCommandLine(['resize', '-P', 'a', amount]).operand, amount);
      assert.equal(parseCommandLine(['resize', amount, '-P', 'a']).operand, amount);
    });
  }
});

describe('--help', () => {
  it('fits a screen', () => {
    const lines = HELP.trimEnd().split('\n');
    assert.ok(lines.length <= 24, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 80, line);
  });

  it('names every command and every flag, one of two for a boolean, with its letter, and no other', () => {
    for (const command of Object.keys(COMMANDS).slice(1)) assert.match(HELP, new RegExp(`\\b${command}\\b`));
    const told = [...HELP.matchAll(/(?:-(\w) )?--([a-z][a-z-]*)/g)].map(([, short, name]) => `${short ?? ''} ${name}`);
    const opposite = (name) => (name.startsWith('no-') ? name.slice(3) : `no-${name}`);
    for (const { name, short, implied } of FLAGS) {
      const isTold = told.includes(`${short ?? ''} ${name}`);
      assert.ok(isTold || (implied !== undefined && told.includes(` ${opposite(name)}`)), name);
    }
    for (const flag of told) assert.doesNotThrow(() => known(flag.split(' ')[1]), flag);
  });

  function known(name) {
    if (FLAGS.some((flag) => flag.name === name) || name === 'config') return;
    const command = Object.keys(COMMANDS).find((key) => COMMANDS[key].includes(name)) ?? 'serve';
    parseCommandLine([...(command === 'serve' ? [] : [command]), `--${name}`]);
  }
});
