// Load, in a process of its own: node autocannon.js <options as JSON>, prints the result as JSON. `paths` are asked for in
// turn, over all connections.

const { module, paths, ...options } = JSON.parse(process.argv[2]);
const { default: autocannon } = await import(module);

let count = 0;
const setupRequest = (request) => ({ ...request, path: paths[count++ % paths.length] });
const result = await autocannon({
  ...options,
  ...(paths ? { requests: [{ setupRequest }] } : {}),
});
process.stdout.write(JSON.stringify(result));
