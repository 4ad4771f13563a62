/**
 * The yardstick: a plain byte relay, as well as it can be written by hand on the raw sockets of this runtime. It knows
 * nothing of MTProto; what the proxy costs more than this is the price of the proxy.
 *
 * `bun bench/relay/main.ts PORT` relays to 127.0.0.1:PORT and prints one line, `{"port":N}`, once it listens.
 */
const dcPort = Number(process.argv[2])
if (!Number.isInteger(dcPort)) throw new Error('relay: expected the port to relay to')

const { startRelay } = typeof Bun === 'undefined' ? await import('./node.ts') : await import('./bun.ts')
startRelay(dcPort, (port) => console.log(JSON.stringify({ port })))
