// What frameworks build for a server of Node, unchanged under `prefork`: each is built once, into the project's cache.

import { describe, test } from 'node:test';
import { startCommand } from '../helpers/command.js';
import { tempDir } from '../helpers/files.js';
import { build, OFFLINE, servesOverAReload } from '../helpers/frameworks.js';

const BUILDS = {
  'Next, output: standalone': {
    packages: ['next@16', 'react@19', 'react-dom@19'],
    files: {
      'next.config.js': `
        module.exports = {
          output: 'standalone',
          outputFileTracingRoot: __dirname,
          async rewrites() {
            return { beforeFiles: [{ source: '/', destination: '/api' }] };
          },
        };`,
      'pages/index.js': `export default () => 'page';`,
      'pages/api/index.js': `export default (_req, res) => res.end('served by ' + process.pid);`,
    },
    command: ['next', 'build'],
    folder: '.next/standalone',
    entry: 'server.js',
  },
  'SvelteKit, adapter-node': {
    packages: ['@sveltejs/kit@2', '@sveltejs/adapter-node@5', 'svelte@5', 'vite@7', '@sveltejs/vite-plugin-svelte@6'],
    files: {
      'package.json': '{ "private": true, "type": "module" }',
      'svelte.config.js': `
        import adapter from '@sveltejs/adapter-node';
        export default { kit: { adapter: adapter() } };`,
      'vite.config.js': `
        import { sveltekit } from '@sveltejs/kit/vite';
        export default { plugins: [sveltekit()] };`,
      'src/app.html': '<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
      'src/routes/+server.js': `export const GET = () => new Response('served by ' + process.pid);`,
    },
    command: ['vite', 'build'],
    folder: '.',
    entry: 'build/index.js',
  },
  'Nitro, of which Nuxt is made': {
    packages: ['nitropack@2'],
    files: {
      'nitro.config.ts': `export default { compatibilityDate: '2025-01-01' };`,
      'routes/index.ts': `export default () => 'served by ' + process.pid;`,
    },
    command: ['nitropack', 'build'],
    folder: '.',
    entry: '.output/server/index.mjs',
  },
  'Astro, standalone': {
    packages: ['astro@5', '@astrojs/node@9'],
    files: {
      'astro.config.mjs': `
        import node from '@astrojs/node';
        export default { output: 'server', adapter: node({ mode: 'standalone' }) };`,
      'src/pages/index.js': `export const GET = () => new Response('served by ' + process.pid);`,
    },
    command: ['astro', 'build'],
    folder: '.',
    entry: 'dist/server/entry.mjs',
  },
};

describe('unchanged under the command, as it was built:', () => {
  for (const [what, { packages, files, command, folder, entry }] of Object.entries(BUILDS)) {
    test(what, async (t) => {
      const project = await build(what.split(',')[0].toLowerCase(), packages, files, command);
      if (!project) return t.skip(OFFLINE);
      const env = { PORT: '0', HOST: '127.0.0.1', HOSTNAME: '127.0.0.1' };
      const server = startCommand(t, tempDir(t), [entry, '-w', '2'], { cwd: `${project}/${folder}`, env });
      await servesOverAReload(server);
    });
  }
});
