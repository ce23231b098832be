// Manager. The signals it takes while a server runs; taken away after, so that a process can go on.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGTTIN', 'SIGTTOU', 'SIGHUP', 'SIGUSR2'] as const;

/** The signals of the manager, as `docs/signals.md` lists them. */
export type ManagerSignal = (typeof SIGNALS)[number];

/** @returns a function that takes the handler away again. */
export function handleSignals(handler: (signal: ManagerSignal) => void): () => void {
  const handle = (signal: NodeJS.Signals) => handler(signal as ManagerSignal);
  for (const signal of SIGNALS) process.on(signal, handle);
  return () => {
    for (const signal of SIGNALS) process.off(signal, handle);
  };
}
