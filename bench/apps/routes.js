// Server. What every app answers, whatever the framework: path -> text.

/** Keeps the processor busy, as a template or a JSON document would. */
function burn(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

export const routes = {
  '/': () => 'hello',
  '/pid': () => String(process.pid),
  '/cpu': () => {
    burn(5);
    return 'done';
  },
  '/slow': () => {
    burn(50);
    return 'done';
  },
  '/block': () => {
    burn(1500);
    return 'done';
  },
  '/block-later': () => {
    setTimeout(burn, 10, 1500);
    return 'done';
  },
};
