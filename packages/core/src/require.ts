// Both processes. Node's require, for what core loads when it is used: koffi, and debug. Bundlers do not see it, so both stay
// outside of a bundle, where koffi with its binary has to be.

/** Where this code is; bundled as CommonJS it has no `import.meta.url`, and bundled by webpack that of the build. */
function places(): string[] {
  const { url }: { url?: string } = import.meta;
  return [url, typeof __filename === 'string' ? __filename : undefined, process.argv[1]].filter(
    (place) => place !== undefined,
  );
}

// not imported, and not called `require`: webpack puts something of its own in the place of both
const { createRequire } = process.getBuiltinModule('node:module');
const loaders = places().flatMap((place) => {
  try {
    return [createRequire(place)];
  } catch {
    return []; // neither a path nor a URL of a file
  }
});

/**
 * Loads a module as Node's `require` does.
 *
 * @throws what `require` throws, with the remedy when a bundle has lost the module.
 */
export function load(name: string): unknown {
  let failure: unknown;
  for (const loader of loaders) {
    try {
      return loader(name);
    } catch (error) {
      if (!isMissing(error, name)) throw error;
      failure ??= error;
    }
  }
  const remedy = 'In a bundle leave @prefork/core outside (`external`), or install koffi beside it';
  throw new Error(`Can't find ${name}, which @prefork/core needs. ${remedy}`, { cause: failure });
}

function isMissing(error: unknown, name: string): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'MODULE_NOT_FOUND' && error.message.includes(`'${name}'`);
}

/** What `require` has loaded in this process. */
export function loaded(): NodeJS.Module[] {
  const [loader] = loaders;
  return Object.values(loader?.cache ?? {}).filter((module) => module !== undefined);
}
