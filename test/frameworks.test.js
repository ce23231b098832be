// Frameworks as their first pages show them, unchanged under `prefork server.js`: all workers answer, a reload replaces them, and
// the server ends with status 0. Their packages come from the registry, once, into a cache of the project.

import { before, describe, test } from 'node:test';
import { project, startCommand } from './helpers/command.js';
import { install, OFFLINE, servesOverAReload } from './helpers/frameworks.js';

/** What is installed under which name. Majors are what docs/frameworks.md promises. */
const PACKAGES = [
  'express4@npm:express@4',
  'express@5',
  'koa@3',
  'fastify@5',
  'hono@4',
  '@hono/node-server@1',
  '@nestjs/core@11',
  '@nestjs/common@11',
  '@nestjs/platform-express@11',
  '@nestjs/platform-fastify@11',
  'reflect-metadata',
  'rxjs@7',
  '@apollo/server@5',
  'graphql@16',
  'socket.io@4',
  'ws@8',
];

const nest = (adapter) => `
  require('reflect-metadata');
  const { Controller, Get, Module } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');

  class AppController {
    hello() {
      return 'served by ' + process.pid;
    }
  }
  Controller()(AppController);
  Get()(AppController.prototype, 'hello', Object.getOwnPropertyDescriptor(AppController.prototype, 'hello'));
  class AppModule {}
  Module({ controllers: [AppController] })(AppModule);

  async function bootstrap() {
    const app = await NestFactory.create(AppModule, ${adapter} { logger: ['error'] });
    app.enableShutdownHooks();
    await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
    console.log('running on', await app.getUrl());
  }
  bootstrap();`;

const FRAMEWORKS = {
  'Express 4': {
    'server.js': `
      const app = require('express4')();
      app.get('/', (req, res) => res.send('served by ' + process.pid));
      app.listen(process.env.PORT || 3000, () => console.log('running'));`,
  },
  'Express 5': {
    'server.js': `
      const app = require('express')();
      app.get('/', (req, res) => res.send('served by ' + process.pid));
      app.listen(process.env.PORT || 3000, () => console.log('running'));`,
  },
  'Koa 3': {
    'server.js': `
      const Koa = require('koa');
      const app = new Koa();
      app.use(async (ctx) => {
        ctx.body = 'served by ' + process.pid;
      });
      app.listen(process.env.PORT || 3000);`,
  },
  'Fastify 5': {
    'server.mjs': `
      import Fastify from 'fastify';
      const fastify = Fastify();
      fastify.get('/', async () => 'served by ' + process.pid);
      const url = await fastify.listen({ port: Number(process.env.PORT ?? 3000) });
      console.log('running on', url);`,
  },
  Hono: {
    'server.mjs': `
      import { serve } from '@hono/node-server';
      import { Hono } from 'hono';
      const app = new Hono();
      app.get('/', (c) => c.text('served by ' + process.pid));
      serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, (info) => console.log('running on', info.port));`,
  },
  'NestJS 11 on Express': { 'main.js': nest('') },
  'NestJS 11 on Fastify': {
    'main.js': nest(`new (require('@nestjs/platform-fastify').FastifyAdapter)(),`),
  },
  'Apollo Server 5, standalone': {
    'server.mjs': `
      import { ApolloServer } from '@apollo/server';
      import { startStandaloneServer } from '@apollo/server/standalone';
      const server = new ApolloServer({
        typeDefs: 'type Query { hello: String }',
        resolvers: { Query: { hello: () => 'served by ' + process.pid } },
      });
      const { url } = await startStandaloneServer(server, { listen: { port: Number(process.env.PORT ?? 4000) } });
      console.log('running on', url);`,
  },
  'Socket.IO 4, its own server': {
    'server.mjs': `
      import { Server } from 'socket.io';
      const io = new Server({ transports: ['websocket'] });
      io.on('connection', (socket) => socket.emit('hello', process.pid));
      io.listen(Number(process.env.PORT ?? 3000));`,
  },
  'ws 8, its own server': {
    'server.mjs': `
      import { WebSocketServer } from 'ws';
      const wss = new WebSocketServer({ port: Number(process.env.PORT ?? 8080) });
      wss.on('connection', (socket) => socket.send('served by ' + process.pid));`,
  },
};

/** How to ask one that does not answer GET. Resolves with the pid of the worker. */
const CLIENTS = {
  'Apollo Server 5, standalone': async ({ port }) => {
    const body = JSON.stringify({ query: '{ hello }' });
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body });
    return (await response.json()).data.hello;
  },
  'Socket.IO 4, its own server': ({ port }) =>
    hears(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, '40'),
  'ws 8, its own server': ({ port }) => hears(`ws://127.0.0.1:${port}/`),
};

/** What a WebSocket client hears of a pid, after it has said its word. */
async function hears(url, word) {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(url);
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => word && socket.send(word));
      socket.on('message', (data) => {
        const pid = /(?:served by |"hello",)(\d+)/.exec(String(data));
        if (pid) resolve(`served by ${pid[1]}`);
      });
    });
  } finally {
    socket.terminate();
  }
}

describe('unchanged under the command:', () => {
  let modules;
  before(async () => {
    modules = await install('first-pages', PACKAGES);
  });

  for (const [what, files] of Object.entries(FRAMEWORKS)) {
    test(what, async (t) => {
      if (!modules) return t.skip(OFFLINE);
      const [file] = Object.keys(files);
      const dir = project(t, files, modules);
      const server = startCommand(t, dir, [file, '-w', '2'], { env: { PORT: '0' } });
      await servesOverAReload(server, CLIENTS[what]);
    });
  }
});
