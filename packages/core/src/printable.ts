// Both processes. Text that carries a path, a URL or an argument, for a log, a terminal or a datagram. Pure.

/** With every control character escaped. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
    return known ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
