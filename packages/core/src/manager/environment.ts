// Manager. Variables by which systemd speaks to this one process: taken out of the environment, so that neither workers nor
// any other child takes them for its own, and given back when the server has finished.

const taken: Record<string, string> = {};

/** @returns a function that gives them back. */
export function takeVariables(names: readonly string[]): () => void {
  for (const name of names) {
    const value = process.env[name];
    if (value === undefined) continue;
    taken[name] = value;
    delete process.env[name];
  }
  return () => {
    for (const name of names) {
      if (taken[name] !== undefined) process.env[name] = taken[name];
      delete taken[name];
    }
  };
}

/** What the next manager of an upgrade needs: not what names this process' pid. */
export function heirVariables(): NodeJS.ProcessEnv {
  const { NOTIFY_SOCKET, WATCHDOG_USEC } = taken;
  return { NOTIFY_SOCKET, WATCHDOG_USEC };
}
