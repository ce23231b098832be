// A log that remembers its lines.

export function fakeLog() {
  const lines = [];
  const level =
    (name) =>
    (...args) =>
      void lines.push(`${name}: ${args.join(' ')}`);
  return { lines, info: level('info'), warn: level('warn'), error: level('error') };
}
