// Other users of the machine, as a test that runs as root can play them.

/** Whether this test can be somebody else. */
export const isRoot = process.getuid?.() === 0;

/** Two who may do nothing here: one without a name, and the one that many services share. */
export const ATTACKERS = [12_345, 65_534];

/** For `startServer`'s option `via`: the command runs as this user, in its group alone. */
export function asUser(uid) {
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
}
