// What the documentation shows, for tests that run it.

import { readFileSync } from 'node:fs';

/** The code blocks of a page in a language, in order. */
export function blocks(page, language) {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map(([, , code]) => code);
}

/** `text` with `from` replaced, which has to be there. */
export function substitute(text, from, to) {
  if (!text.includes(from)) throw new Error(`"${from}" is not in what the documentation shows:\n${text}`);
  return text.replaceAll(from, to);
}
