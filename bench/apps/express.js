// Server. The app of nearly all scenarios.

import express from 'express';
import { routes } from './routes.js';

export const app = express();

for (const [path, answer] of Object.entries(routes)) {
  app.get(path, (_req, res) => {
    res.type('text').send(answer());
  });
}

export const listener = app;
