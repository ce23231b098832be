// Manager. Signal -> what the manager does. Installed while a server runs, removed after, so that a process can go on.

/** The signals of the manager, as `docs/signals.md` lists them. */
export type ManagerSignal = 'SIGINT' | 'SIGTERM' | 'SIGQUIT' | 'SIGTTIN' | 'SIGTTOU' | 'SIGHUP' | 'SIGUSR2';

/** @returns a function that takes the handlers away again. */
export function handleSignals(handlers: Record<ManagerSignal, () => void>): () => void {
  const entries = Object.entries(handlers) as [ManagerSignal, () => void][];
  for (const [signal, handler] of entries) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of entries) process.off(signal, handler);
  };
}
